/** Live streams of people who have logged in. */
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type LiveStage, openLiveStage } from './support/live-stage.ts';
import { enter, makePerson, refresh } from './support/people.ts';

let stage: LiveStage;
beforeAll(async () => {
  stage = await openLiveStage();
});
afterEach(() => stage.endStreams());
afterAll(() => stage.close());

const patch = (id: string, body: object) =>
  stage.api.call('PATCH', `/api/v1/users/${id}`, { key: stage.world.key, body });

type Left = { readonly id: string; readonly token: string };

test.each<[string, (left: Left) => Promise<unknown>, string, string]>([
  [
    'logs out',
    ({ token }) => stage.api.call('POST', '/api/v1/auth/logout', { body: { refresh_token: token } }),
    'closed',
    'session_ended',
  ],
  [
    'is not active any more',
    ({ id }) => stage.api.call('POST', `/api/v1/users/${id}/deactivate`, { key: stage.world.key }),
    'closed',
    'session_ended',
  ],
  [
    'has a copy of the refresh token in other hands',
    async ({ token }) => {
      await refresh(stage.api, token);
      await refresh(stage.api, token);
    },
    'closed',
    'session_ended',
  ],
  ['is limited to a site', ({ id }) => patch(id, { site_ids: [stage.world.plantId] }), 'resume', 'access_changed'],
])('the stream of a person who %s ends, and is told nothing more', async (_, change, type, reason) => {
  const person = await makePerson(stage.api, stage.world, 'viewer');
  const { access: key, refresh: token } = await enter(stage.api, person);
  const stream = await stage.follow('', { key });
  await change({ id: person.id, token });
  await stream.wait(type);
  await stage.post(5);
  await stream.untilEnd();
  expect(stream.events).toMatchObject([{ type, data: { reason } }]);
});

test('a refresh ends no stream, and a person is told of their sites alone', async () => {
  const person = await makePerson(stage.api, stage.world, 'technician', { siteIds: [stage.world.plantId] });
  const { access: key, refresh: token } = await enter(stage.api, person);
  const [own, all] = [await stage.follow('', { key }), await stage.follow()];
  await refresh(stage.api, token);
  await stage.post(5);
  await all.wait('reading');
  await stage.untilNow(all);
  expect(own.events).toEqual([]);
});

test('a person has as many streams as a key, however often logged in', async () => {
  const person = await makePerson(stage.api, stage.world, 'viewer');
  const logIns = [await enter(stage.api, person), await enter(stage.api, person)];
  const follow = ({ access: key }: { access: string }) => stage.follow('', { key });
  const open = await Promise.all([...logIns, ...logIns].map(follow));
  expect(open.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  expect((await follow(await enter(stage.api, person))).status).toBe(429);
});
