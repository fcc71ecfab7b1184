import { createHash, randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createFiles, type Files } from '../src/files/files.ts';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { makeForm, pdf } from './support/forms.ts';

let api: TestApi;
let world: World;
let key: string;
let order: string;
let attachments: string;
let files: Files;
const folder = join(tmpdir(), `faultline-files-${newId()}`);
beforeAll(async () => {
  api = await startTestApi({ files: { folder, bytesMax: 5_000_000 } });
  files = createFiles({ folder, bytesMax: 5_000_000, log: createLog('silent') });
  world = await makeWorld(api.database);
  key = world.key;
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  const made = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x', asset_id: world.ahuId } });
  order = made.json.data.id;
  attachments = `/api/v1/work-orders/${order}/attachments`;
});

type Parts = Parameters<typeof makeForm>[0];
const upload = (parts: Parts, url = attachments, headers = {}) => {
  const form = makeForm(parts);
  return api.call('POST', url, { key, payload: form.payload, headers: { ...form.headers, ...headers } });
};
const attach = async (bytes: Buffer | string, name = 'report.pdf') =>
  (await upload([['file', { bytes, name }]])).json.data;
/** The names of all files below the folder, those that are coming in and those that are kept. */
const onDisk = async (below: 'incoming' | 'kept') =>
  (await readdir(join(folder, below), { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

describe('files of a work order', () => {
  test('T13: a form with file and name becomes one, in either order of its parts, on both mounts', async () => {
    const site = `/api/v1/sites/ucl-east-campus/work-orders/${order}/attachments/`;
    const file = { bytes: pdf, name: 'IMG 1.PDF', type: 'application/octet-stream' };
    for (const parts of [
      [
        ['file', file],
        ['name', 'Datasheet'],
      ],
      [
        ['name', 'Datasheet'],
        ['file', file],
      ],
    ] satisfies Parts[]) {
      const { status, json, headers } = await upload(parts, site);
      expect([status, json]).toEqual([
        201,
        {
          ...{ id: expect.any(String), name: 'Datasheet', media_type: 'application/pdf', bytes: pdf.length },
          sha256: createHash('sha256').update(pdf).digest('hex'),
          created_by: world.alexId,
          created_by_detail: { id: world.alexId, username: 'alex', email: 'alex@betacit.com' },
          ...{ external_id: null, metadata: {}, created_at: expect.any(String), updated_at: expect.any(String) },
        },
      ]);
      expect(headers.location).toBe(`http://127.0.0.1:3000${site}${json.id}/`);
    }
    const listed = await api.call('GET', site, { key });
    expect([listed.json.length, listed.headers['x-total-count']]).toEqual([2, '2']);
    expect((await api.call('GET', attachments, { key })).json).toMatchObject({ total: 2, data: listed.json });
    expect((await api.call('GET', `/api/v1/work-orders/${order}`, { key })).json.data.attachment_count).toBe(2);
  });

  test('T13: the download is the very bytes, of the type that they are, and nothing that runs', async () => {
    const bytes = Buffer.concat([pdf, randomBytes(700_000)]);
    const { id } = await attach(bytes, 'Prüfbericht 点検.pdf');
    const url = `/api/v1/sites/ucl-east-campus/work-orders/${order}/attachments/${id}/download/`;
    const reply = await api.call('GET', url, { key });
    expect([reply.status, reply.bytes.equals(bytes)]).toEqual([200, true]);
    expect(reply.headers).toMatchObject({
      'content-type': 'application/pdf',
      'content-length': String(bytes.length),
      'content-disposition': `attachment; filename="Prufbericht __.pdf"; filename*=UTF-8''Pr%C3%BCfbericht%20%E7%82%B9%E6%A4%9C.pdf`,
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
      'cache-control': 'private, no-cache',
      'repr-digest': `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`,
    });
    const { etag = '' } = reply.headers;
    const cached = await api.call('GET', url, { key, headers: { 'if-none-match': String(etag) } });
    expect([cached.status, cached.bytes.length, cached.headers.etag]).toEqual([304, 0, etag]);
    const head = await api.call('HEAD', url, { key });
    expect([head.status, head.bytes.length, head.headers['content-length']]).toEqual([200, 0, String(bytes.length)]);
  });

  test('T13: DELETE is 204, and its bytes go with the housekeeping, never before', async () => {
    const [one, other] = [await attach(pdf), await attach(pdf)];
    const kept = (await onDisk('kept')).length;
    const gone = await api.call('DELETE', `/api/v1/sites/ucl-east-campus/work-orders/${order}/attachments/${one.id}/`, {
      key,
    });
    expect([gone.status, gone.text]).toEqual([204, '']);
    for (const url of [`${attachments}/${one.id}`, `${attachments}/${one.id}/download`]) {
      expect(await api.call('GET', url, { key })).toMatchObject({
        status: 404,
        json: { error: 'attachment_not_found' },
      });
    }
    expect(await onDisk('kept')).toHaveLength(kept);
    await files.sweep(api.database.db);
    expect(await onDisk('kept')).toHaveLength(kept - 1);
    expect((await api.call('GET', `${attachments}/${other.id}/download`, { key })).bytes).toEqual(pdf);
    expect((await api.call('GET', `/api/v1/work-orders/${order}`, { key })).json.data.attachment_count).toBe(1);
  });

  test('a part of it is sent as a range: 206, 416 beyond the end, and all of it where If-Range does not hold', async () => {
    const bytes = Buffer.from('%PDF-1.7 0123456789');
    const { id } = await attach(bytes);
    const url = `${attachments}/${id}/download`;
    const ask = (headers: Record<string, string>) => api.call('GET', url, { key, headers });
    const { headers } = await ask({});
    const part = await ask({ range: 'bytes=9-11' });
    expect([part.status, part.text, part.headers['content-range'], part.headers['content-length']]).toEqual([
      206,
      '012',
      'bytes 9-11/19',
      '3',
    ]);
    expect((await ask({ range: 'bytes=-4' })).text).toBe('6789');
    expect((await ask({ range: 'bytes=17-900' })).text).toBe('89');
    const beyond = await ask({ range: 'bytes=19-' });
    expect([beyond.status, beyond.json.error, beyond.headers['content-range']]).toEqual([
      416,
      'range_not_satisfiable',
      'bytes */19',
    ]);
    expect(beyond.headers['content-disposition']).toBeUndefined();
    expect((await ask({ range: 'bytes=0-0', 'if-range': String(headers.etag) })).status).toBe(206);
    const other = await ask({ range: 'bytes=0-0', 'if-range': '"other"' });
    expect([other.status, other.bytes.equals(bytes)]).toEqual([200, true]);
    expect((await ask({ range: 'bytes=0-1,4-5' })).status).toBe(200);
  });

  test('N4: what is said of it changes, its bytes and its type never', async () => {
    const made = await attach(pdf);
    const url = `${attachments}/${made.id}`;
    const before = await api.call('GET', url, { key });
    const changed = await api.call('PATCH', url, { key, body: { name: '../evil.exe', metadata: { a: 1 } } });
    expect(changed.json.data).toMatchObject({ name: 'evil.exe', metadata: { a: 1 }, sha256: made.sha256 });
    const { headers } = await api.call('GET', `${url}/download`, { key });
    expect(headers['content-disposition']).toBe(`attachment; filename="evil.exe.pdf"; filename*=UTF-8''evil.exe.pdf`);
    const stale = { 'if-match': String(before.headers.etag) };
    expect((await api.call('PATCH', url, { key, headers: stale, body: { name: 'x' } })).status).toBe(412);
    expect((await api.call('DELETE', url, { key, headers: stale })).status).toBe(412);
  });

  test('an idempotent upload attaches once; another file under its key is 422', async () => {
    const headers = { 'idempotency-key': newId() };
    const first = await upload([['file', { bytes: pdf }]], attachments, headers);
    const again = await upload([['file', { bytes: pdf }]], attachments, headers);
    expect([again.status, again.headers['idempotent-replayed'], again.json]).toEqual([201, 'true', first.json]);
    const other = await upload([['file', { bytes: `${pdf}x` }]], attachments, headers);
    expect([other.status, other.json.error]).toEqual([422, 'idempotency_key_reused']);
    const named = await upload(
      [
        ['file', { bytes: pdf }],
        ['name', 'x'],
      ],
      attachments,
      headers,
    );
    expect(named.status).toBe(422);
    expect((await api.call('GET', attachments, { key })).json.total).toBe(1);
  });

  test('each change is an event of the work order', async () => {
    const { id, sha256 } = await attach(pdf);
    await api.call('PATCH', `${attachments}/${id}`, { key, body: { name: 'y.pdf' } });
    await api.call('DELETE', `${attachments}/${id}`, { key });
    const events = await api.database.db
      .selectFrom('event')
      .select(['type', 'changes', 'data'])
      .where('subject_id', '=', order)
      .where('type', 'like', 'attachment.%')
      .orderBy('id')
      .execute();
    const data = { id, media_type: 'application/pdf', bytes: pdf.length, sha256 };
    expect(events).toEqual([
      { type: 'attachment.created', changes: [], data: { ...data, name: 'report.pdf' } },
      {
        type: 'attachment.updated',
        changes: [{ field: 'name', from: 'report.pdf', to: 'y.pdf' }],
        data: { ...data, name: 'y.pdf' },
      },
      { type: 'attachment.deleted', changes: [], data: { ...data, name: 'y.pdf' } },
    ]);
  });
});

describe('O1: the files of others', () => {
  test("another tenant's and another site's are out of reach, whichever of the two ids is one's own", async () => {
    const { id } = await attach(pdf);
    const stranger = await makeWorld(api.database);
    const theirs = await api.call('POST', '/api/v1/work-orders', { key: stranger.key, body: { title: 'y' } });
    const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
    const second = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'z' } });
    for (const below of ['', '/download']) {
      const ask = async (orderId: string, asking: string) =>
        (await api.call('GET', `/api/v1/work-orders/${orderId}/attachments/${id}${below}`, { key: asking })).status;
      expect(await ask(order, stranger.key)).toBe(404);
      expect(await ask(theirs.json.data.id, stranger.key)).toBe(404);
      expect(await ask(second.json.data.id, key)).toBe(404);
      expect(await ask(order, elsewhere)).toBe(403);
      expect(await ask(order, await world.makeKey({ scopes: ['insights:read'] }))).toBe(403);
    }
    const reader = await world.makeKey({ scopes: ['read'] });
    expect((await api.call('DELETE', `${attachments}/${id}`, { key: reader })).status).toBe(403);
    expect((await api.call('DELETE', `${attachments}/${id}`, { key: stranger.key })).status).toBe(404);
    expect((await api.call('GET', `${attachments}/${id}/download`, { key: reader })).bytes).toEqual(pdf);
  });
});
