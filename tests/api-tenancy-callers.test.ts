/** Every operation of the document, asked by callers that may not: as many kinds of them as there are. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashSecret, hasScope, type Scope } from '../src/access/api-key.ts';
import { type Role, scopesOf } from '../src/access/role.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { deployLibrary } from './support/api-rules.ts';
import { type Belongings, makeBelongings } from './support/belongings.ts';
import { contentOf, listOperations, type Operation, parametersOf, urlOf } from './support/operations.ts';
import { enter, makePerson } from './support/people.ts';

let api: TestApi;
let mine: World;
let campus: Belongings;
beforeAll(async () => {
  api = await startTestApi();
  await deployLibrary(api);
  mine = await makeWorld(api.database);
  campus = await makeBelongings(api, mine, 'campus-alone');
});
afterAll(() => api.close());

/** A stream that is let in has no end; HEAD asks the same and gets one. */
function ask(operation: Operation, ids: Readonly<Record<string, string>>, key: string | undefined) {
  const method = /\/stream\/?$/.test(operation.path) ? 'HEAD' : operation.method;
  return api.call(method, urlOf(operation, ids), { ...contentOf(api, operation), ...(key !== undefined && { key }) });
}

const revoked = async () => {
  const key = await mine.makeKey({});
  const row = api.database.db.updateTable('api_key').set({ revoked_at: new Date() });
  await row.where('secret_sha256', '=', hashSecret(key)).execute();
  return key;
};
const ofInactive = () => mine.makeKey({ createdBy: mine.retiredId });

describe('every operation is refused before anything else is looked at', () => {
  test.each([
    ['R1: no key', undefined, 401, 'unauthenticated'],
    ['R1: an unknown key', async () => 'flt_live_unknown', 401, 'api_key_invalid'],
    ['an expired key', () => mine.makeKey({ expiresAt: new Date(0) }), 401, 'api_key_expired'],
    ['a revoked key', revoked, 401, 'api_key_revoked'],
    ['a key of somebody who is not active any more', ofInactive, 403, 'api_key_owner_inactive'],
    [
      'R3: a key on the plan Free',
      async () => (await makeWorld(api.database, { plan: 'free' })).key,
      403,
      'api_key_disabled_by_plan',
    ],
  ])('to %s', async (_, makeKey, status, error) => {
    const key = await makeKey?.();
    for (const operation of listOperations(api)) {
      const reply = await ask(operation, campus.ids, key);
      const got = reply.text === '' ? error : reply.json.error;
      expect([operation.name, reply.status, got]).toEqual([operation.name, status, error]);
    }
  });
});

const roles: readonly Role[] = ['admin', 'manager', 'technician', 'viewer'];
/** A person may send 120 requests a minute, so one does not walk all the way. */
const requestsOfPerson = 100;

type Caller = { readonly makeKey: () => Promise<string>; readonly scopes: readonly string[] };
const callers: [string, Caller][] = [
  ...([[], ['read'], ['write'], ['admin'], ['calendar:read'], ['work-orders:read', 'insights:write']] as const).map(
    (scopes): (typeof callers)[number] => [
      `a key for ${scopes.join(' and ') || 'nothing'}`,
      { makeKey: () => mine.makeKey({ scopes: [...scopes] }), scopes },
    ],
  ),
  ...roles.map((role): (typeof callers)[number] => [
    `a person who is ${role}`,
    { makeKey: async () => (await enter(api, await makePerson(api, mine, role))).access, scopes: scopesOf(role) },
  ]),
];

describe('every operation is for those who have its scope, and for nobody else', () => {
  test.each(callers)('N1: %s', async (_, { makeKey, scopes }) => {
    let refused = 0;
    let key = '';
    for (const [i, operation] of listOperations(api).entries()) {
      if (i % requestsOfPerson === 0) key = await makeKey();
      // What ends the log-in that asks would end the walk.
      if (/\/auth\/(logout|password)$/.test(operation.path)) continue;
      const may =
        operation.scopes.length === 0 || operation.scopes.some((scope) => hasScope({ scopes }, scope as Scope));
      const reply = await ask(operation, {}, key);
      const isRefused = reply.status === 403 && (reply.text === '' || reply.json.error === 'scope_missing');
      expect([operation.name, isRefused, reply.status]).toEqual([
        operation.name,
        !may,
        expect.not.toBeOneOf([401, 500]),
      ]);
      if (!may) refused += 1;
    }
    expect(refused > 0).toBe(!['read', 'write', 'admin'].every((bundle) => scopes.includes(bundle)));
  });
});

/** What is of the whole tenant and shown to everybody in it, whatever sites he is limited to. */
const ofNoSite =
  /\/(rules|rule-sets|calendar\.ics|auth)\b|\/tenant$|\/(users|teams)\b|\/opcua-application$|\/events|\/event-types|\/sla-policy/;

describe('a caller that is limited to another site of the tenant', () => {
  test('T14: is refused by 403 whatever lies at this one, and told nothing of it', async () => {
    const key = await mine.makeKey({ siteIds: [mine.plantId], scopes: ['read', 'write', 'admin'] });
    for (const operation of listOperations(api)) {
      const parameters = parametersOf(operation);
      const reply = await ask(operation, campus.ids, key);
      expect([operation.name, reply.status]).toEqual([operation.name, expect.not.toBeOneOf([401, 500, 503])]);
      // A tenant says which of its sites is the default, and its teams are nobody's but its own.
      const isOfAll = /\/tenant$|\/teams\b/.test(operation.path);
      const asked = urlOf(operation, campus.ids) + (isOfAll ? campus.secret : '');
      const shown = `${reply.text} ${JSON.stringify(reply.headers)}`;
      expect([operation.name, shown.includes(campus.secret) && !asked.includes(campus.secret)]).toEqual([
        operation.name,
        false,
      ]);
      if (parameters.length === 0 || ofNoSite.test(operation.path)) continue;
      expect([operation.name, reply.status, reply.text]).toEqual([operation.name, 403, expect.any(String)]);
    }
  });

  test('sees its own site all the same', async () => {
    const key = await mine.makeKey({ siteIds: [mine.campusId] });
    const found = await api.call('GET', `/api/v1/sites/${campus.secret}/work-orders/`, { key });
    expect([found.status, found.text.includes(campus.secret)]).toEqual([200, true]);
  });
});
