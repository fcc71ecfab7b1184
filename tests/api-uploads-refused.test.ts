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
/** The names of all files below the folder, those that are coming in and those that are kept. */
const onDisk = async (below: 'incoming' | 'kept') =>
  (await readdir(join(folder, below), { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

describe('nothing is left of an upload that fails', () => {
  const refused = async (parts: Parts) => {
    await files.sweep(api.database.db);
    const before = { kept: await onDisk('kept'), rows: await countFiles() };
    const reply = await upload(parts);
    await files.sweep(api.database.db);
    expect(await onDisk('incoming')).toEqual([]);
    expect({ kept: await onDisk('kept'), rows: await countFiles() }).toEqual(before);
    return reply;
  };
  const countFiles = async () =>
    (await api.database.db.selectFrom('file').select('id').where('state', '=', 'kept').execute()).length;

  test.each([
    ['no file', [['name', 'x']], '/file', 'required'],
    ['a text for a file', [['file', 'text']], '/file', 'invalid_type'],
    ['an empty file', [['file', { bytes: '' }]], '/file', 'empty'],
    ['another part that is a file', [['image', { bytes: pdf }]], '/image', 'unknown'],
    [
      'a field that nobody knows',
      [
        ['file', { bytes: pdf }],
        ['colour', 'red'],
      ],
      '/colour',
      'unknown',
    ],
    [
      'a field twice',
      [
        ['name', 'a'],
        ['name', 'b'],
        ['file', { bytes: pdf }],
      ],
      '/name',
      'conflict',
    ],
    [
      'a name that is too long',
      [
        ['file', { bytes: pdf }],
        ['name', 'x'.repeat(201)],
      ],
      '/name',
      'too_long',
    ],
    [
      'a field beyond the limit of fields',
      [
        ['name', 'x'.repeat(30_000)],
        ['file', { bytes: pdf }],
      ],
      '/name',
      'too_long',
    ],
    [
      'metadata that is no JSON',
      [
        ['file', { bytes: pdf }],
        ['metadata', '{'],
      ],
      '/metadata',
      'invalid',
    ],
    [
      'metadata that is no object',
      [
        ['file', { bytes: pdf }],
        ['metadata', '[1]'],
      ],
      '/metadata',
      'invalid',
    ],
    [
      'a NUL in a field',
      [
        ['file', { bytes: pdf }],
        ['name', 'a\0b'],
      ],
      '/name',
      'invalid',
    ],
  ] satisfies [string, Parts, string, string][])('T14: with %s', async (_what, parts, pointer, code) => {
    expect(await refused(parts)).toMatchObject({
      status: 400,
      json: { error: 'validation_failed', errors: [{ in: 'body', pointer, code }] },
    });
  });

  test.each([
    [
      'a second file',
      [
        ['file', { bytes: pdf }],
        ['file', { bytes: pdf }],
      ],
      413,
    ],
    ['ten thousand parts', Array.from({ length: 10_000 }, (_, index) => [`p${index}`, 'x'] as const), 413],
    [
      'many fields that are known',
      Array.from({ length: 40 }, (_, index) => [index === 0 ? 'name' : 'metadata', '{}'] as const),
      400,
    ],
    ['a file beyond the limit', [['file', { bytes: Buffer.concat([pdf, Buffer.alloc(5_000_001)]) }]], 413],
    [
      'a name of the prototype',
      [
        ['__proto__', 'x'],
        ['file', { bytes: pdf }],
      ],
      400,
    ],
  ] satisfies [string, Parts, number][])('T14: with %s', async (_what, parts, status) => {
    expect((await refused(parts)).status).toBe(status);
  });

  test.each([
    ['no boundary', 'multipart/form-data', 'x'],
    [
      'no end',
      'multipart/form-data; boundary=a',
      '--a\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\n%PDF',
    ],
    [
      'another boundary',
      'multipart/form-data; boundary=b',
      '--a\r\ncontent-disposition: form-data; name="name"\r\n\r\nx\r\n--a--',
    ],
    ['nothing', 'multipart/form-data; boundary=a', ''],
  ])('T14: a form with %s is 400', async (_what, type, payload) => {
    const reply = await api.call('POST', attachments, { key, payload, headers: { 'content-type': type } });
    expect([reply.status, reply.json.error]).toEqual([400, 'validation_failed']);
    expect(await onDisk('incoming')).toEqual([]);
  });

  test('what is no form is 415, also where it is encoded', async () => {
    const json = await api.call('POST', attachments, { key, body: { file: 'x' } });
    expect([json.status, json.json.error]).toEqual([415, 'media_type_unsupported']);
    const encoded = await upload([['file', { bytes: pdf }]], attachments, { 'content-encoding': 'gzip' });
    expect(encoded.status).toBe(415);
  });

  test('the work order that is deleted meanwhile is 404, and its file is given up', async () => {
    const slow = api.database.db;
    const uploading = slow.transaction().execute(async (trx) => {
      await trx.updateTable('work_order').set({ deleted_at: new Date() }).where('id', '=', order).execute();
      const reply = upload([['file', { bytes: pdf }]]);
      // It found the work order, has taken the file, and now waits for its row.
      await expect.poll(isWaiting, { timeout: 20_000 }).toBe(true);
      return { reply };
    });
    expect(await (await uploading).reply).toMatchObject({ status: 404, json: { error: 'work_order_not_found' } });
    await files.sweep(api.database.db);
    const left = await slow.selectFrom('file').select('state').where('state', '!=', 'kept').execute();
    expect([left, await onDisk('incoming')]).toEqual([[], []]);
    expect(
      await slow.selectFrom('work_order_attachment').select('id').where('work_order_id', '=', order).execute(),
    ).toEqual([]);
  });

  const isWaiting = async () => {
    const { rows } = await api.database.pool.query(
      `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
    );
    return rows.length > 0;
  };
});
