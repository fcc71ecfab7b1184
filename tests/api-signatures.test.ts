import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { makeForm, makePicture, pdf } from './support/forms.ts';

let api: TestApi;
let world: World;
let key: string;
let order: string;
let photos: string;
let signatures: string;
const folder = join(tmpdir(), `faultline-files-${newId()}`);
beforeAll(async () => {
  api = await startTestApi({ files: { folder, bytesMax: 5_000_000 } });
  world = await makeWorld(api.database);
  key = world.key;
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  const made = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x', asset_id: world.ahuId } });
  order = `/api/v1/work-orders/${made.json.data.id}`;
  photos = `${order}/photos`;
  signatures = `${order}/signatures`;
});

type Parts = Parameters<typeof makeForm>[0];
const send = (url: string, parts: Parts, asking = key) => api.call('POST', url, { key: asking, ...makeForm(parts) });

describe('signatures under a work order', () => {
  const sign = async (fields: Parts = [['signer_name', 'Ada Lovelace']]) =>
    send(signatures, [...fields, ['image', { bytes: await makePicture('png'), name: 'signature.png' }]]);

  test('O4: a signature names who signed, when, and the hash of what was signed', async () => {
    const made = await sign([
      ['signer_name', 'Ada Lovelace'],
      ['role', 'customer'],
      ['signed_at', '2026-03-17T17:00:00Z'],
    ]);
    expect([made.status, made.json.data]).toEqual([
      201,
      expect.objectContaining({ signer_name: 'Ada Lovelace', role: 'customer', signed_at: '2026-03-17T17:00:00Z' }),
    ]);
    const { id, document_sha256 } = made.json.data;
    const { document, is_unchanged } = (await api.call('GET', `${signatures}/${id}/document`, { key })).json.data;
    expect(createHash('sha256').update(document).digest('hex')).toBe(document_sha256);
    expect(JSON.parse(document)).toMatchObject({
      work_order: { title: 'x', asset_id: world.ahuId },
      tasks: [],
      labor: [],
    });
    expect(is_unchanged).toBe(true);
    const picture = await api.call('GET', `${signatures}/${id}/download`, { key });
    expect([picture.headers['content-type'], picture.headers['content-disposition']]).toEqual([
      'image/png',
      expect.stringContaining('signature Ada Lovelace.png'),
    ]);
    expect((await api.call('GET', order, { key })).json.data.signature_count).toBe(1);
    expect((await api.call('GET', signatures, { key })).json).toMatchObject({ total: 1, data: [made.json.data] });
  });

  test.each([
    ['its title', (url: string) => api.call('PATCH', url, { key, body: { title: 'y' } })],
    ['a task', (url: string) => api.call('POST', `${url}/tasks`, { key, body: { title: 'z' } })],
    ['an hour', (url: string) => api.call('POST', `${url}/labor`, { key, body: { minutes: 60 } })],
    ['a photo', async (url: string) => send(`${url}/photos`, [['file', { bytes: await makePicture() }]])],
    ['an attachment', (url: string) => send(`${url}/attachments`, [['file', { bytes: pdf }]])],
  ] as const)('a change of %s after it can be told, and one of the status is none', async (_what, change) => {
    const { id } = (await sign()).json.data;
    const isUnchanged = async () =>
      (await api.call('GET', `${signatures}/${id}/document`, { key })).json.data.is_unchanged;
    await api.call('PATCH', order, { key, body: { status: 'in_progress' } });
    expect(await isUnchanged()).toBe(true);
    expect((await change(order)).status).toBeOneOf([200, 201]);
    expect(await isUnchanged()).toBe(false);
  });

  test.each([
    [[], '/signer_name', 'required'],
    [[['signer_name', ' ']], '/signer_name', 'invalid'],
    [
      [
        ['signer_name', 'A'],
        ['signed_at', 'soon'],
      ],
      '/signed_at',
      'invalid',
    ],
    [
      [
        ['signer_name', 'A'],
        ['signed_at', '2999-01-01T00:00Z'],
      ],
      '/signed_at',
      'conflict',
    ],
  ] satisfies [Parts, string, string][])('with %j it is refused at %s', async (fields, pointer, code) => {
    expect(await sign(fields)).toMatchObject({
      status: 400,
      json: { errors: [{ pointer, code: expect.stringMatching(`${code}|too`) }] },
    });
  });

  test('a document is no picture of a signature', async () => {
    const refused = await send(signatures, [
      ['signer_name', 'A'],
      ['image', { bytes: pdf }],
    ]);
    expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer: '/image', code: 'not_an_image' }] } });
  });

  test('what a completion rests on stays: the only signature, the only photo', async () => {
    await api.call('PATCH', order, { key, body: { requires_signature: true, requires_photo: true } });
    const complete = () => api.call('PATCH', order, { key, body: { status: 'completed' } });
    expect(await complete()).toMatchObject({ status: 409 });
    const signature = (await sign()).json.data.id;
    const photo = (await send(photos, [['file', { bytes: await makePicture() }]])).json.data.id;
    expect((await complete()).status).toBe(200);
    for (const url of [`${signatures}/${signature}`, `${photos}/${photo}`]) {
      expect(await api.call('DELETE', url, { key })).toMatchObject({
        status: 409,
        json: { error: 'work_order_ended' },
      });
    }
    const second = (await sign()).json.data.id;
    expect((await api.call('DELETE', `${signatures}/${signature}`, { key })).status).toBe(204);
    expect((await api.call('DELETE', `${signatures}/${second}`, { key })).status).toBe(409);
    await api.call('PATCH', order, { key, body: { status: 'in_progress' } });
    expect((await api.call('DELETE', `${signatures}/${second}`, { key })).status).toBe(204);
    expect(await eventsOf('signature')).toEqual([
      'signature.created',
      'signature.created',
      'signature.deleted',
      'signature.deleted',
    ]);
  });
});

const eventsOf = async (noun: string) =>
  (
    await api.database.db
      .selectFrom('event')
      .select('type')
      .where('subject_id', '=', order.split('/').at(-1) ?? '')
      .where('type', 'like', `${noun}.%`)
      .orderBy('id')
      .execute()
  ).map(({ type }) => type);
