/** A work order from its making to its end, with all that hangs on it. */
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { makeForm, makePicture } from './support/forms.ts';

let api: TestApi;
let world: World;
const folder = join(tmpdir(), `faultline-files-${newId()}`);
beforeAll(async () => {
  api = await startTestApi({ files: { folder, bytesMax: 5_000_000 } });
  world = await makeWorld(api.database);
});
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true, force: true });
});

const send = async (method: string, url: string, body?: object) => {
  const reply = await api.call(method, url, { key: world.key, ...(body ? { body } : {}) });
  expect([url, reply.status < 400, reply.text]).toEqual([url, true, reply.text]);
  return reply.json.data;
};
const upload = async (url: string, fields: [string, string][], field: string) => {
  const picture = { bytes: await makePicture('png'), name: 'picture.png' };
  const reply = await api.call('POST', url, { key: world.key, ...makeForm([...fields, [field, picture]]) });
  expect([url, reply.status, reply.text]).toEqual([url, 201, reply.text]);
};

test('O4: it is made, assigned, begun, worked on, photographed, signed and completed, and its activity tells all of it', async () => {
  const order = await send('POST', '/api/v1/work-orders', {
    title: 'Replace the actuator',
    requires_signature: true,
    requires_photo: true,
  });
  const url = `/api/v1/work-orders/${order.id}`;
  const refusal = async () => {
    const reply = await api.call('POST', `${url}/complete`, { key: world.key });
    return [reply.status, reply.json.error];
  };
  const task = await send('POST', `${url}/tasks`, { title: 'Stroke the valve', kind: 'check', required: true });
  expect(await refusal()).toEqual([409, 'signature_required']);
  await send('POST', `${url}/assign`, { assigned_to: world.alexId });
  await send('POST', `${url}/start`);
  await send('POST', `${url}/comments`, { body: 'It is the bearing.' });
  await upload(`${url}/signatures`, [['signer_name', 'Ada Lovelace']], 'image');
  expect(await refusal()).toEqual([409, 'photo_required']);
  await upload(`${url}/photos`, [['kind', 'after']], 'file');
  expect(await refusal()).toEqual([409, 'checklist_incomplete']);
  await send('PATCH', `${url}/tasks/${task.id}`, { value: true });
  await send('POST', `${url}/labor`, { started_at: '2026-03-16T13:00:00Z', minutes: 90 });
  const done = await send('POST', `${url}/complete`, { resolution: 'Replaced' });
  expect(done).toMatchObject({
    status: 'completed',
    resolution: 'Replaced',
    checklist: { total: 1, done: 1 },
    comment_count: 1,
    photo_count: 1,
    signature_count: 1,
    labor_minutes: 90,
  });
  const { json } = await api.call('GET', `${url}/activity`, { key: world.key });
  expect(json.data.map(({ type }: { type: string }) => type).reverse()).toEqual([
    'work_order.created',
    'task.created',
    'work_order.assigned',
    'work_order.status_changed',
    'comment.created',
    'signature.created',
    'photo.created',
    'task.updated',
    'labor.created',
    'work_order.status_changed',
    'work_order.completed',
  ]);
});
