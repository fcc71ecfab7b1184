import { createHash } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { makeBomb, makeForm, makePicture, pdf } from './support/forms.ts';

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

describe('photos of a work order', () => {
  test('O4: a photo is kept as it was taken, with its kind and size, and counted', async () => {
    const bytes = await makePicture('jpeg', { width: 1200, height: 900 });
    const made = await send(photos, [
      ['file', { bytes, name: 'IMG_1.jpg' }],
      ['kind', 'before'],
      ['caption', 'Stuck'],
    ]);
    expect([made.status, made.json.data]).toEqual([
      201,
      expect.objectContaining({
        ...{ kind: 'before', caption: 'Stuck', name: 'IMG_1.jpg', media_type: 'image/jpeg', width: 1200, height: 900 },
        ...{ bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'), created_by: world.alexId },
      }),
    ]);
    const download = await api.call('GET', `${photos}/${made.json.data.id}/download`, { key });
    expect([download.bytes.equals(bytes), download.headers['content-disposition']]).toEqual([
      true,
      `attachment; filename="IMG_1.jpg"; filename*=UTF-8''IMG_1.jpg`,
    ]);
    await send(photos, [['file', { bytes: await makePicture('png') }]]);
    const before = await api.call('GET', `${photos}?kind=before`, { key });
    expect(before.json).toMatchObject({ total: 1, data: [made.json.data] });
    expect((await api.call('GET', order, { key })).json.data.photo_count).toBe(2);
    const gone = await api.call('DELETE', `${photos}/${made.json.data.id}`, { key });
    expect([gone.status, (await api.call('GET', order, { key })).json.data.photo_count]).toEqual([204, 1]);
  });

  test.each(['png', 'jpeg', 'webp', 'gif', 'avif', 'tiff'] as const)('O4: a %s has a thumbnail', async (format) => {
    const made = await send(photos, [['file', { bytes: await makePicture(format, { width: 960, height: 480 }) }]]);
    expect([made.status, made.json.data?.media_type]).toEqual([201, `image/${format}`]);
    const small = await api.call('GET', `${photos}/${made.json.data.id}/thumbnail`, { key });
    expect(small.headers).toMatchObject({
      'content-type': 'image/jpeg',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
      'content-disposition': expect.stringMatching(/^inline; /),
    });
    expect(await metadataOf(small.bytes)).toMatchObject({ format: 'jpeg', width: 480, height: 240 });
  });

  test('O4: a thumbnail is upright, and tells nothing of where it was taken', async () => {
    const tagged = await sharp({ create: { width: 100, height: 50, channels: 3, background: 'red' } })
      .withExif({ IFD3: { GPSLatitude: '51/1 32/1 0/1', GPSLatitudeRef: 'N' } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    expect((await metadataOf(tagged)).exif).toBeInstanceOf(Buffer);
    const made = await send(photos, [['file', { bytes: tagged }]]);
    expect(made.json.data).toMatchObject({ width: 50, height: 100 });
    const small = await api.call('GET', `${photos}/${made.json.data.id}/thumbnail`, { key });
    const { width, height, exif, orientation } = await metadataOf(small.bytes);
    expect([width, height, exif, orientation]).toEqual([50, 100, undefined, undefined]);
  });

  const noPhotos: Record<string, () => Promise<Buffer | string> | Buffer | string> = {
    'a document': () => pdf,
    'a text': () => 'no picture',
    'a PNG that would be 3.6 billion pixels': () => makeBomb(60_000, 60_000),
    'a PNG whose pixels are missing': () => makeBomb(7_000, 7_000),
    'half a picture': async () => (await makePicture('jpeg', { width: 900, height: 900 })).subarray(0, 2_000),
    'a beginning of a picture': () => Buffer.from('ffd8ffe000104a464946', 'hex'),
  };
  test.each(Object.entries(noPhotos))('%s is no photo, and nothing is left of it', async (_what, make) => {
    const before = await countFiles();
    const refused = await send(photos, [['file', { bytes: await make(), name: 'x.png', type: 'image/png' }]]);
    expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer: '/file', code: 'not_an_image' }] } });
    expect(refused.text).not.toContain(folder);
    expect([await readdir(join(folder, 'incoming')), await countFiles()]).toEqual([[], before]);
  });

  test.each([
    ['SVG', '<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'],
    ['HTML', '<!doctype html><img src=x onerror=alert(1)>'],
  ])('%s is no photo whatever it is called', async (_what, bytes) => {
    const refused = await send(photos, [['file', { bytes, name: 'x.png', type: 'image/png' }]]);
    expect([refused.status, refused.json.error]).toEqual([415, 'file_type_not_allowed']);
  });

  test('a picture with a page behind it is a picture, and sent as one', async () => {
    const bytes = Buffer.concat([await makePicture('png'), Buffer.from('<script>alert(1)</script>')]);
    const made = await send(photos, [['file', { bytes, name: 'x.html' }]]);
    const sent = await api.call('GET', `${photos}/${made.json.data.id}/download`, { key });
    expect([made.json.data.name, sent.headers['content-type']]).toEqual(['x.html', 'image/png']);
    expect(sent.headers['content-disposition']).toContain('filename="x.html.png"');
    const small = await api.call('GET', `${photos}/${made.json.data.id}/thumbnail`, { key });
    expect(small.text).not.toContain('script');
  });

  test('what is said of it changes, and is an event', async () => {
    const { id } = (await send(photos, [['file', { bytes: await makePicture() }]])).json.data;
    const changed = await api.call('PATCH', `${photos}/${id}`, { key, body: { kind: 'after', caption: 'Done' } });
    expect(changed.json.data).toMatchObject({ kind: 'after', caption: 'Done' });
    const stale = await api.call('DELETE', `${photos}/${id}`, { key, headers: { 'if-match': '"0"' } });
    expect(stale.status).toBe(412);
    await api.call('DELETE', `${photos}/${id}`, { key });
    expect(await eventsOf('photo')).toEqual(['photo.created', 'photo.updated', 'photo.deleted']);
  });
});

test('O1: photos and signatures of others are out of reach', async () => {
  const photo = (await send(photos, [['file', { bytes: await makePicture() }]])).json.data.id;
  const signature = (
    await send(signatures, [
      ['signer_name', 'A'],
      ['image', { bytes: await makePicture() }],
    ])
  ).json.data.id;
  const stranger = await makeWorld(api.database);
  const theirs = (await api.call('POST', '/api/v1/work-orders', { key: stranger.key, body: { title: 'y' } })).json.data
    .id;
  const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
  for (const below of [
    `photos/${photo}`,
    `photos/${photo}/download`,
    `photos/${photo}/thumbnail`,
    `signatures/${signature}`,
    `signatures/${signature}/download`,
    `signatures/${signature}/document`,
  ]) {
    const ask = async (url: string, asking: string) =>
      (await api.call('GET', `${url}/${below}`, { key: asking })).status;
    expect([
      below,
      await ask(order, stranger.key),
      await ask(`/api/v1/work-orders/${theirs}`, stranger.key),
      await ask(order, elsewhere),
      await ask(order, key),
    ]).toEqual([below, 404, 404, 403, 200]);
  }
  for (const url of [photos, signatures]) {
    const form: Parts = [
      ['signer_name', 'A'],
      ['file', { bytes: await makePicture() }],
    ];
    expect((await send(url, form, stranger.key)).status).toBe(404);
    expect((await send(url, form, elsewhere)).status).toBe(403);
  }
});

/** By way of a file: whoever draws photos shuts every other way into the library. */
async function metadataOf(bytes: Buffer) {
  const file = join(folder, newId());
  await writeFile(file, bytes);
  return sharp(file).metadata();
}

const countFiles = async () =>
  (await api.database.db.selectFrom('file').select('id').where('state', '=', 'kept').execute()).length;

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
