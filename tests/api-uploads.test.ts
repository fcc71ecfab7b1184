/** Uploads over real connections: broken off, endless, large, and looked at for what they are. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFiles, type Files } from '../src/files/files.ts';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { makeForm, pdf } from './support/forms.ts';

const bytesMax = 60_000_000;
const folder = join(tmpdir(), `faultline-files-${newId()}`);
let api: TestApi;
let world: World;
let port: number;
let path: string;
let files: Files;
let log = '';
beforeAll(async () => {
  api = await startTestApi({
    files: { folder, bytesMax, waitMsMax: 2_000 },
    log: createLog('error', { write: (line) => (log += line) }),
  });
  files = createFiles({ folder, bytesMax, log: createLog('silent') });
  world = await makeWorld(api.database);
  await api.app.listen({ port: 0, host: '127.0.0.1' });
  port = (api.app.server.address() as AddressInfo).port;
  const made = await api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'x' } });
  path = `/api/v1/work-orders/${made.json.data.id}/attachments`;
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

const head = '--b\r\ncontent-disposition: form-data; name="file"; filename="a.pdf"\r\n\r\n';
const tail = '\r\n--b--\r\n';

function post(headers: Record<string, string | number> = {}): ClientRequest {
  const authorization = `Bearer ${world.key}`;
  const type = 'multipart/form-data; boundary=b';
  return requestHttp({ port, path, method: 'POST', headers: { authorization, 'content-type': type, ...headers } });
}

async function answerTo(request: ClientRequest): Promise<{ status: number; text: string }> {
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += chunk;
  return { status: response.statusCode ?? 0, text };
}

const list = async (below: string) =>
  (await readdir(join(folder, below), { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

describe('an upload', () => {
  test('that its client breaks off leaves neither bytes nor rows', async () => {
    const before = await api.database.db.selectFrom('file').select('id').execute();
    for (const sent of [head, `${head}%PDF-1.7 and more`, `${head}%PDF-1.7${'x'.repeat(300_000)}`]) {
      const request = post({ 'content-length': 1_000_000 });
      request.on('error', () => undefined);
      request.write(sent);
      if (sent !== head) await expect.poll(() => list('incoming')).toHaveLength(1);
      request.destroy();
      await expect.poll(() => list('incoming')).toHaveLength(0);
    }
    expect(await api.database.db.selectFrom('file').select('id').execute()).toEqual(before);
    expect((await api.call('GET', path, { key: world.key })).json.total).toBe(0);
  });

  test('and any other request that its client breaks off are no failure of ours', async () => {
    log = '';
    const headers = { authorization: `Bearer ${world.key}`, 'content-length': 1_000_000 };
    const broken = [
      ['application/json', '/api/v1/work-orders', '{"title": "x'],
      ['multipart/form-data; boundary=b', path, `${head}%PDF-1.7`],
    ].map(async ([type = '', to = '', sent = '']) => {
      const request = requestHttp({ port, path: to, method: 'POST', headers: { ...headers, 'content-type': type } });
      request.on('error', () => undefined);
      request.write(sent);
      // So that it is being read by then, and what becomes of it is decided.
      await sleep(300);
      request.destroy();
      await sleep(300);
    });
    await Promise.all(broken);
    expect(log).not.toContain('"level":50');
  });

  test('that is larger than the limit is answered while it still comes', async () => {
    const request = post();
    request.on('error', () => undefined);
    const answered = answerTo(request);
    request.write(head);
    const chunk = randomBytes(1_048_576);
    let isAnswered = false;
    void answered.then(() => {
      isAnswered = true;
    });
    for (let sent = 0; sent < 2 * bytesMax && !isAnswered; sent += chunk.length) {
      if (!request.write(chunk)) await Promise.race([once(request, 'drain'), answered]);
    }
    expect(await answered).toMatchObject({ status: 413, text: expect.stringContaining('body_too_large') });
    request.destroy();
    expect(await list('incoming')).toEqual([]);
  });

  test('passes through: it is never whole in memory, neither on its way in nor on its way out', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const held: number[] = [];
    // What is garbage already takes room until somebody looks; buffers outside of the heap go with the second collection.
    const look = () => {
      collect();
      collect();
      held.push(process.memoryUsage().arrayBuffers);
    };
    look();
    const chunk = randomBytes(1_048_576);
    const chunks = 40;
    const hash = createHash('sha256').update('%PDF-1.7');
    const request = post();
    const answered = answerTo(request);
    request.write(`${head}%PDF-1.7`);
    for (let sent = 1; sent <= chunks; sent++) {
      hash.update(chunk);
      if (!request.write(chunk)) await once(request, 'drain');
      if (sent % 10 === 0) look();
    }
    request.end(tail);
    const { status, text } = await answered;
    expect(status).toBe(201);
    const { id, bytes } = JSON.parse(text).data;
    expect(bytes).toBe(8 + chunks * chunk.length);
    const received = createHash('sha256');
    const headers = { authorization: `Bearer ${world.key}` };
    const getting = requestHttp({ port, path: `${path}/${id}/download`, headers }).end();
    const [download] = (await once(getting, 'response')) as [IncomingMessage];
    let count = 0;
    for await (const piece of download) {
      received.update(piece);
      if (++count % 150 === 0) look();
    }
    expect(received.digest('hex')).toBe(hash.digest('hex'));
    expect(held.length).toBeGreaterThan(6);
    expect(Math.max(...held) - (held[0] ?? 0)).toBeLessThan(16_000_000);
  });

  test('of which a download is broken off does the server no harm', async () => {
    const { payload, headers } = makeForm([['file', { bytes: Buffer.concat([pdf, randomBytes(4_000_000)]) }]]);
    const made = await api.call('POST', path, { key: world.key, payload, headers });
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `GET ${path}/${made.json.data.id}/download HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${world.key}\r\n\r\n`,
    );
    await once(socket, 'data');
    socket.destroy();
    expect((await api.call('GET', `${path}/${made.json.data.id}/download`, { key: world.key })).status).toBe(200);
  });

  test('is taken with whatever is said before and behind its form', async () => {
    const request = post();
    const answered = answerTo(request);
    request.end(`a preamble\r\n${head}${pdf}${tail}an epilogue`);
    expect((await answered).status).toBe(201);
  });

  test('is one of many at once, which wait for each other and all are taken', async () => {
    const made = await api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'many files' } });
    const below = `/api/v1/work-orders/${made.json.data.id}/attachments`;
    const send = (name: string) =>
      api.call('POST', below, { key: world.key, ...makeForm([['file', { bytes: pdf, name }]]) });
    const replies = await Promise.all(Array.from({ length: 30 }, (_, index) => send(`${index}.pdf`)));
    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 201));
    expect((await api.call('GET', below, { key: world.key })).json.total).toBe(30);
  });

  test('for which there is no place in all the time that it waits is 503, of one tenant while another has some', async () => {
    const held = Array.from({ length: 6 }, () => {
      const request = post({ 'content-length': 1_000_000 });
      request.on('error', () => undefined);
      request.write(`${head}%PDF-1.7 and more`);
      return request;
    });
    const form = makeForm([['file', { bytes: pdf }]]);
    await expect.poll(() => list('incoming')).toHaveLength(6);
    const busy = await api.call('POST', path, { key: world.key, ...form });
    expect([busy.status, busy.json.error, busy.headers['retry-after']]).toEqual([503, 'uploads_busy', '5']);
    const other = await makeWorld(api.database);
    const theirs = await api.call('POST', '/api/v1/work-orders', { key: other.key, body: { title: 'y' } });
    const url = `/api/v1/work-orders/${theirs.json.data.id}/attachments`;
    expect((await api.call('POST', url, { key: other.key, ...form })).status).toBe(201);
    // Those that go away while they wait take no place.
    const gone = Array.from({ length: 6 }, () => {
      const request = post({ 'content-length': 1_000_000 });
      request.on('error', () => undefined);
      request.write(head);
      return request;
    });
    await sleep(300);
    for (const request of gone) request.destroy();
    await sleep(300);
    for (const request of held) request.destroy();
    await expect.poll(() => list('incoming')).toHaveLength(0);
    expect((await api.call('POST', path, { key: world.key, ...form })).status).toBe(201);
  });
});

describe('the housekeeping', () => {
  test('removes what a killed process has left: rows without a word for two hours, and files that came in', async () => {
    const { db } = api.database;
    const [stale, fresh] = [newId(), newId()];
    const row = {
      tenant_id: world.tenantId,
      storage: 'disk',
      bytes: 1,
      sha256: Buffer.alloc(32),
      media_type: 'text/plain',
    };
    const [holder] = await db.selectFrom('file').select('holder_id').limit(1).execute();
    const since = (minutes: number) => new Date(Date.now() - minutes * 60_000);
    await db
      .insertInto('file')
      .values([
        { ...row, id: stale, holder_id: holder?.holder_id ?? null, state_at: since(121) },
        { ...row, id: fresh, holder_id: holder?.holder_id ?? null, state_at: since(119) },
      ])
      .execute();
    const [oldFile, newFile] = [join(folder, 'incoming', newId()), join(folder, 'incoming', newId())];
    for (const file of [oldFile, newFile]) await writeFile(file, 'x');
    await utimes(oldFile, since(121), since(121));
    await files.sweep(db);
    const left = await db.selectFrom('file').select('id').where('id', 'in', [stale, fresh]).execute();
    expect(left).toEqual([{ id: fresh }]);
    expect((await list('incoming')).map((name) => join(folder, 'incoming', name))).toEqual([newFile]);
    await rm(newFile);
  });

  test('leaves alone what lies on the disk of another installation, and says that it cannot be read here', async () => {
    const { db } = api.database;
    const made = await api.call('POST', path, { key: world.key, ...makeForm([['file', { bytes: pdf }]]) });
    const { id } = made.json.data;
    const { file_id } = await db
      .selectFrom('work_order_attachment')
      .select('file_id')
      .where('id', '=', id)
      .executeTakeFirstOrThrow();
    await db.updateTable('file').set({ holder_id: newId() }).where('id', '=', file_id).execute();
    log = '';
    const read = await api.call('GET', `${path}/${id}/download`, { key: world.key });
    // The answer says nothing of it; whoever runs the program has to know.
    expect(JSON.parse(log)).toMatchObject({
      request_id: read.headers['x-request-id'],
      err: { code: 'file_storage_unavailable', cause: { message: 'the file is on the disk of another installation' } },
    });
    expect([read.status, read.json.error, read.headers['content-disposition']]).toEqual([
      503,
      'file_storage_unavailable',
      undefined,
    ]);
    await api.call('DELETE', `${path}/${id}`, { key: world.key });
    await files.sweep(db);
    expect(await db.selectFrom('file').select('state').where('id', '=', file_id).execute()).toEqual([
      { state: 'dropped' },
    ]);
    expect(await list('kept')).toContain(file_id);
  });
});
