/** Files in S3: the same upload, download and housekeeping as on disk, against a server that speaks as Amazon's does. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import S3rver from 's3rver';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createFiles, type Files } from '../src/files/files.ts';
import { filesOfSettings } from '../src/files/files-of-settings.ts';
import { createS3Bytes } from '../src/files/s3-bytes.ts';
import { readConfig } from '../src/platform/config.ts';
import { createLog } from '../src/platform/log.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { makeForm, makePicture, pdf } from './support/forms.ts';
import { findLowPort } from './support/low-port.ts';

let folder: string;
let s3: S3rver;
let api: TestApi;
let world: World;
let files: Files;
let order: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faultline-s3-'));
  const port = await findLowPort();
  s3 = new S3rver({
    port,
    address: '127.0.0.1',
    silent: true,
    directory: join(folder, 's3'),
    configureBuckets: [{ name: 'files' }],
  });
  await s3.run();
  const env = {
    ...{ DATA_DIR: join(folder, 'data'), S3_ENDPOINT: `http://127.0.0.1:${port}`, S3_BUCKET: 'files' },
    // The only key that it knows.
    ...{ S3_ACCESS_KEY: 'S3RVER', S3_SECRET_KEY: 'S3RVER', UPLOAD_BYTES_MAX: '20MB' },
  };
  const options = filesOfSettings(readConfig(env));
  api = await startTestApi({ files: options });
  files = createFiles({ ...options, log: createLog('silent') });
  world = await makeWorld(api.database);
  const made = await api.call('POST', '/api/v1/work-orders', { key: world.key, body: { title: 'x' } });
  order = `/api/v1/work-orders/${made.json.data.id}`;
});
afterAll(async () => {
  await api.close();
  await s3.close();
  await rm(folder, { recursive: true, force: true });
});

const objects = async () =>
  (await readdir(join(folder, 's3', 'files'), { recursive: true }).catch(() => [])).filter((name) =>
    name.endsWith('_object'),
  );
const upload = (bytes: Buffer, below = 'attachments') =>
  api.call('POST', `${order}/${below}`, { key: world.key, ...makeForm([['file', { bytes }]]) });

test('T13: a file goes into the bucket and comes out of it, whole and in part', async () => {
  const bytes = Buffer.concat([pdf, randomBytes(9_000_000)]);
  const { id } = (await upload(bytes)).json.data;
  const url = `${order}/attachments/${id}/download`;
  const whole = await api.call('GET', url, { key: world.key });
  expect([whole.status, whole.bytes.equals(bytes)]).toEqual([200, true]);
  const part = await api.call('GET', url, { key: world.key, headers: { range: 'bytes=1000000-1000099' } });
  expect([part.status, part.bytes.equals(bytes.subarray(1_000_000, 1_000_100))]).toEqual([206, true]);
  expect(await api.database.db.selectFrom('file').select(['storage', 'holder_id', 'state']).execute()).toEqual([
    { storage: 's3', holder_id: null, state: 'kept' },
  ]);
  const onDisk = await readdir(join(folder, 'data', 'files'), { recursive: true });
  expect(onDisk.filter((name) => /[0-9a-f-]{36}$/.test(name))).toEqual([]);
});

test('T13: what was deleted leaves the bucket with the housekeeping, never before', async () => {
  const photo = (await upload(await makePicture('jpeg'), 'photos')).json.data;
  const before = await objects();
  expect((await api.call('DELETE', `${order}/photos/${photo.id}`, { key: world.key })).status).toBe(204);
  expect(await objects()).toEqual(before);
  await files.sweep(api.database.db);
  expect(await objects()).toHaveLength(before.length - 2);
  expect(await api.database.db.selectFrom('file').select('id').where('state', '!=', 'kept').execute()).toEqual([]);
});

test('while S3 does not answer, an upload and a download are 503, and nothing is left of them', async () => {
  const { id } = (await upload(pdf)).json.data;
  const port = (s3 as unknown as { serverOptions: { port: number } }).serverOptions.port;
  await s3.close();
  try {
    const sent = await upload(pdf);
    expect([sent.status, sent.json.error, sent.headers['retry-after']]).toEqual([503, 'file_storage_unavailable', '5']);
    const read = await api.call('GET', `${order}/attachments/${id}/download`, { key: world.key });
    expect([read.status, read.json.error]).toEqual([503, 'file_storage_unavailable']);
    expect(read.text).not.toMatch(new RegExp(`ECONNREFUSED|${port}|S3RVER`));
    await expect(files.sweep(api.database.db)).rejects.toThrow();
    const dropped = await api.database.db.selectFrom('file').select('id').where('state', '=', 'dropped').execute();
    expect(dropped).toHaveLength(1);
  } finally {
    s3 = new S3rver({ port, address: '127.0.0.1', silent: true, directory: join(folder, 's3') });
    await s3.run();
  }
  await files.sweep(api.database.db);
  expect(await api.database.db.selectFrom('file').select('id').where('state', '=', 'dropped').execute()).toEqual([]);
  expect((await api.call('GET', `${order}/attachments/${id}/download`, { key: world.key })).bytes).toEqual(pdf);
});

test.each(['S3_BUCKET', 'S3_ACCESS_KEY', 'S3_SECRET_KEY'])(
  'S3 without %s is refused before anything starts',
  (name) => {
    const env = {
      S3_ENDPOINT: 'https://s3.example.com',
      S3_BUCKET: 'files',
      S3_ACCESS_KEY: 'abc',
      S3_SECRET_KEY: 'abc',
    };
    expect(() => filesOfSettings(readConfig({ ...env, [name]: '' }))).toThrow(
      `${name} must be given where S3_ENDPOINT is`,
    );
  },
);

test('a store that takes connections and says nothing is given up', async () => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const names = { bucket: 'files', region: 'us-east-1', accessKey: 'key', secretKey: 'secret' };
  const bytes = createS3Bytes({ endpoint, ...names }, { silentMsMax: 100 });
  const path = join(folder, 'waiting');
  await writeFile(path, pdf);
  try {
    for (const asked of [bytes.read('a/b'), bytes.read('a/b', { start: 0, end: 1 }), bytes.remove(['a/b'])])
      await expect(asked).rejects.toThrow('said nothing for 100 ms');
    await expect(bytes.keep('a/b', path)).rejects.toThrow('said nothing for 100 ms');
  } finally {
    silent.close();
  }
}, 5_000);

test('a store that falls silent while a slow reader has not read what came is given up after that', async () => {
  const half = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n${'x'.repeat(1_000)}`));
  }).listen(0, '127.0.0.1');
  await once(half, 'listening');
  const endpoint = `http://127.0.0.1:${(half.address() as AddressInfo).port}`;
  const names = { bucket: 'files', region: 'us-east-1', accessKey: 'key', secretKey: 'secret' };
  const stream = await createS3Bytes({ endpoint, ...names }, { silentMsMax: 100 }).read('a/b');
  try {
    await setTimeout(300);
    expect(stream.destroyed).toBe(false);
    await expect(buffer(stream)).rejects.toThrow('aborted');
  } finally {
    half.close();
  }
}, 5_000);
