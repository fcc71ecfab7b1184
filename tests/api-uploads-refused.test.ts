import { readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createFiles, type Files } from '../src/files/files.ts';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { makeForm, makePicture, pdf } from './support/forms.ts';

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
    ...(
      [
        ['metadata with half a surrogate pair', '{"a":"\\ud800"}'],
        ['metadata nested deeper than a stack', `{"a":${'['.repeat(9_000)}${']'.repeat(9_000)}}`],
        ['metadata with a number beyond a double', '{"a":1e999}'],
        ['metadata of the prototype', '{"__proto__":{"a":1}}'],
      ] as const
    ).map(([what, metadata]): [string, Parts, string, string] => [
      what,
      [
        ['metadata', metadata],
        ['file', { bytes: pdf }],
      ],
      '/metadata',
      'invalid',
    ]),
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
    ['a boundary longer than any', `multipart/form-data; boundary=${'b'.repeat(300)}`, 'x'],
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
      await expect.poll(isWaiting).toBe(true);
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

describe('the type of a file is that of its content', () => {
  const send = (bytes: Buffer | string, name: string, type = 'application/octet-stream') =>
    upload([['file', { bytes, name, type }]]);

  test.each([
    ['a PNG', () => makePicture('png'), 'x.pdf', 'image/png', 'x.pdf.png'],
    ['a JPEG', () => makePicture('jpeg'), 'x.jpeg', 'image/jpeg', 'x.jpeg'],
    ['a text', () => 'Ventil klemmt: 87 %', 'notes', 'text/plain', 'notes.txt'],
    ['rows', () => 'a,b\n1,2\n', 'rows.csv', 'text/csv', 'rows.csv'],
    ['JSON', () => '{"a":1}', 'a.json', 'application/json', 'a.json'],
    ['XML', () => '<?xml version="1.0"?><gbXML/>', 'model.xml', 'application/xml', 'model.xml'],
    ['a text that talks of pages', () => 'The tag <script> is refused.', 'a.txt', 'text/plain', 'a.txt'],
    [
      'a zip',
      () => Buffer.from('504b0506000000000000000000000000000000000000', 'hex'),
      'a',
      'application/zip',
      'a.zip',
    ],
  ])('%s is taken', async (_what, make, name, mediaType, saved) => {
    const reply = await send(await make(), name);
    expect([reply.status, reply.json.data]).toEqual([201, expect.objectContaining({ media_type: mediaType, name })]);
    const { headers } = await api.call('GET', `${attachments}/${reply.json.data.id}/download`, { key });
    expect(headers['content-type']).toMatch(new RegExp(`^${RegExp.escape(mediaType)}(; charset=utf-8)?$`));
    // A download can be opened, whatever the file is called.
    expect(headers['content-disposition']).toContain(`filename="${saved}"`);
  });

  test.each([
    ['a page', '<!DOCTYPE html><script>alert(1)</script>', 'a.txt'],
    ['a page without its beginning', '\uFEFF \n<html><body onload=alert(1)>', 'a.csv'],
    ['a script', '<script>alert(1)</script>', 'a.txt'],
    ['a drawing', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', 'a.png'],
    ['a drawing in XML', '<?xml version="1.0"?><!-- x --><svg onload="alert(1)"/>', 'a.xml'],
    ['a drawing under another name', '<?xml version="1.0"?><x:svg xmlns:x="http://www.w3.org/2000/svg"/>', 'a.xml'],
    [
      'a drawing behind a long comment',
      `<?xml version="1.0"?><!--${'x'.repeat(65_510)}--><svg onload="alert(1)" xmlns="http://www.w3.org/2000/svg"/>`,
      'a.xml',
    ],
    [
      'what a style sheet makes a page of',
      '<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#x"?><a/>',
      'a.xml',
    ],
    ['a page behind a comment', '<!-- nothing --><html><script>alert(1)</script>', 'a.txt'],
    ['a program for Windows', Buffer.concat([Buffer.from('MZ'), Buffer.alloc(200)]), 'a.pdf'],
    ['a program for Linux', Buffer.concat([Buffer.from('7f454c46020101', 'hex'), Buffer.alloc(200)]), 'a.png'],
    ['bytes without a form', Buffer.from([1, 2, 3, 0, 255]), 'a.txt'],
    ['a text that is none', Buffer.from('caf\xe9', 'latin1'), 'a.txt'],
    ['a text with NUL', 'a\0b', 'a.txt'],
  ])('%s is not, whatever it says that it is', async (_what, bytes, name) => {
    for (const type of ['image/png', 'text/plain']) {
      const reply = await send(bytes, name, type);
      expect([reply.status, reply.json.error]).toEqual([415, 'file_type_not_allowed']);
    }
    expect(await onDisk('incoming')).toEqual([]);
  });

  test('a name never becomes a path', async () => {
    const reply = await send(pdf, '../../../../tmp/evil.pdf');
    expect(reply.json.data.name).toBe('evil.pdf');
    for (const name of [...(await onDisk('kept')), ...(await onDisk('incoming'))])
      expect(name).toMatch(/^[0-9a-f-]{36}$/);
  });
});
