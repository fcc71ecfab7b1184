import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runTenants } from '../src/cli/tenants.ts';
import { startTestApi, type TestApi } from './support/api.ts';
import { runHere } from './support/command-here.ts';
import { urlOf } from './support/database.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const run = (...argv: string[]) => runHere(() => runTenants(argv), { DATABASE_URL: urlOf(api.database) });

describe('faultline tenants', () => {
  test('add makes a tenant whose administrator logs in with the password that is printed', async () => {
    const { code, output } = await run(
      'add',
      'Acme',
      '--time-zone',
      'Europe/Berlin',
      '--site',
      'north',
      '--email',
      'a@acme.example',
    );
    expect(code).toBe(0);
    const [, password = ''] = /shown this once: {2}admin {2}(\S+)/.exec(output) ?? [];
    const body = { email: 'a@acme.example', password };
    const { status, json } = await api.call('POST', '/api/v1/auth/login', { body });
    expect([status, json.data.user]).toMatchObject([200, { username: 'admin', role: 'admin', site_ids: null }]);
    const key = json.data.access_token;
    const tenant = await api.call('GET', '/api/v1/tenant', { key });
    expect(tenant.json.data).toMatchObject({ name: 'Acme', time_zone: 'Europe/Berlin', default_site: 'north' });
    const made = await api.call('POST', '/api/v1/api-keys', { key, body: { name: 'first', scopes: ['read'] } });
    expect((await api.call('GET', '/api/v1/work-orders', { key: made.json.data.secret })).json.total).toBe(0);
    const entries = await api.call('GET', '/api/v1/audit-log?action=tenant.created', { key });
    expect(entries.json.data).toMatchObject([{ actor: { kind: 'system' }, address: null, subject: { name: 'Acme' } }]);
  });

  test('a second one has an administrator of that name too, and the password says which of them it is', async () => {
    const first = JSON.parse((await run('add', 'First', '--json')).output);
    const second = JSON.parse((await run('add', 'Second', '--json')).output);
    const logIn = (body: object) => api.call('POST', '/api/v1/auth/login', { body });
    for (const { id, username, password } of [first, second]) {
      expect((await logIn({ username, password })).status).toBe(200);
      expect((await logIn({ username, password, tenant: id })).status).toBe(200);
    }
    const { username, password } = second;
    expect((await logIn({ username, password, tenant: 'Second' })).status).toBe(200);
    expect((await logIn({ username, password, tenant: 'First' })).status).toBe(401);
  });

  test('list tells all of them, one a line', async () => {
    await run('add', 'Listed');
    const { output } = await run('list');
    expect(output).toMatch(/^[0-9a-f-]{36} {2}live {2}pro {3}sites: 1 {2}people: 1 {2}Listed$/m);
    const lines = (await run('list', '--json')).output.split('\n').filter((line) => line !== '');
    expect(lines.map((line) => JSON.parse(line).name)).toContain('Listed');
  });

  test.each([
    [['add', 'Acme 2', '--time-zone', 'Mars/Olympus'], '--time-zone Mars/Olympus'],
    [['add', 'Acme 2', '--site', 'No Slug'], '--site No Slug'],
    [['add', 'Acme 2', '--email', 'nobody'], '--email nobody'],
    [['add', ' '], 'NAME'],
  ])('%j is refused with a sentence that names it, and makes nothing', async (argv, named) => {
    const before = (await run('list')).output;
    await expect(run(...argv)).rejects.toThrow(named);
    expect((await run('list')).output).toBe(before);
  });

  test('no two have one name', async () => {
    await run('add', 'Once');
    await expect(run('add', 'Once')).rejects.toThrow('there is a tenant Once already');
  });

  test.each([[[]], [['add']], [['list', 'x']], [['remove', 'Acme']]])('%j tells how it is used', async (argv) => {
    expect(await run(...argv)).toMatchObject({ code: 2, output: expect.stringContaining('usage: faultline tenants') });
  });
});
