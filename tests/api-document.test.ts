import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { hashSecret } from '../src/access/api-key.ts';
import { refusalList } from '../src/platform/refusal-list.ts';
import { readRuleTexts } from '../src/rules/language/load-rules.ts';
import { makeWorld, startTestApi, type TestApi } from './support/api.ts';
import { deployLibrary } from './support/api-rules.ts';
import { type DescribedOperation, examplesOf, successOf } from './support/document-examples.ts';
import { makeMergeExamples } from './support/merge-examples.ts';
import { makePartExamples } from './support/part-examples.ts';
import { makePeopleExamples } from './support/people-examples.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  const texts = (await readRuleTexts('rules')).map(({ file, text }) => ({ file: relative('rules', file), text }));
  await deployLibrary(api, texts);
});
afterAll(() => api.close());

type Operation = DescribedOperation & {
  operationId: string;
  description: string;
  security?: unknown[];
  responses: Record<string, { description: string; headers: object }>;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { examples?: unknown[] }> };
};

/** With its parts written out; as it is served they stand among its components. */
const ofKeys = ['unauthenticated', 'api_key_invalid', 'api_key_expired', 'api_key_revoked'];

const document = async () => api.app.swagger() as unknown as Document;

describe('the document', () => {
  test('O2: it is OpenAPI 3.1 in JSON, and the same in YAML', async () => {
    const { json } = await api.call('GET', '/openapi.json');
    expect(json.openapi).toBe('3.1.0');
    expect(parse((await api.call('GET', '/openapi.yaml')).text)).toEqual(json);
  });

  test('every reference in it leads somewhere, and every schema is reached', async () => {
    const json = await document();
    const references = new Set(JSON.stringify(json).match(/#\/components\/schemas\/\w+/g));
    expect([...references].map((reference) => reference.split('/').at(-1)).sort()).toEqual(
      Object.keys(json.components.schemas).sort(),
    );
  });

  test('O2: every operation under /api/v1 says what it answers with and without success, and promises what a repetition does', async () => {
    const { paths } = await document();
    for (const [path, item] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const statuses = Object.keys(operation.responses).map(Number);
        const isOpen = operation.security?.length === 0;
        if (path.startsWith('/api/v1')) expect(statuses).toEqual(expect.arrayContaining([400, 401, 500, 503]));
        if (path.startsWith('/api/v1')) expect([path, statuses.includes(403)]).toEqual([path, !isOpen]);
        if (path.includes('{')) expect(statuses).toContain(404);
        if (method !== 'get') expect([path, statuses]).toEqual([path, expect.arrayContaining([408, 413, 415])]);
        const promise = method === 'get' ? /safe|idempotent|repeat/i : /idempoten|repeat/i;
        expect([method, path, operation.description]).toEqual([method, path, expect.stringMatching(promise)]);
        if (successOf(operation) === 200) expect(operation.description).not.toContain('creates anew');
        if (method === 'post' && !isOpen) expect(statuses).toContain(409);
        if (method === 'post') expect([path, statuses.includes(422)]).toEqual([path, !isOpen]);
        if (method === 'post') expect(successOf(operation)).toBeOneOf([200, 201, 202]);
        // Items are changed as many at a time as are meant, which have no version together.
        if ((method === 'patch' || method === 'delete') && !path.endsWith('/items')) expect(statuses).toContain(412);
        for (const { description, headers } of Object.values(operation.responses)) {
          expect(description).not.toBe('Default Response');
          expect(headers).toHaveProperty('X-Request-Id');
        }
      }
    }
  });

  test('the description of each error status names its codes, and all codes of requests are named', async () => {
    const text = JSON.stringify(await document());
    // Answered by the shell before any operation is found, so no operation can name them.
    const ofNoOperation = ['method_not_allowed', 'headers_too_large'];
    for (const code of Object.keys(refusalList))
      expect([code, text.includes(`\`${code}\``)]).toEqual([code, !ofNoOperation.includes(code)]);
  });

  test.each([
    ['get', '/api/v1/devices', 503, ['database_unavailable']],
    ['get', '/api/v1/devices', 401, [...ofKeys, 'access_token_invalid', 'access_token_expired', 'session_ended']],
    ['post', '/api/v1/auth/login', 401, ['credentials_invalid']],
    ['post', '/api/v1/auth/refresh', 401, ['session_ended', 'refresh_token_invalid', 'refresh_token_reused']],
    ['get', '/api/v1/users/{id}', 404, ['user_not_found']],
    ['get', '/api/v1/devices/{id}', 404, ['device_not_found']],
    ['get', '/api/v1/api-keys/{id}', 404, ['api_key_not_found']],
    ['patch', '/api/v1/api-keys/{id}', 409, ['api_key_ended']],
    ['post', '/api/v1/api-keys/{id}/rotate', 409, ['idempotency_in_progress', 'api_key_ended']],
    ['get', '/api/v1/sites/{slug}/devices/{id}/', 404, ['site_not_found', 'device_not_found']],
    ['get', '/api/v1/sites/{slug}', 404, ['site_not_found']],
    ['patch', '/api/v1/devices/{id}', 409, ['device_conflict', 'device_of_connection']],
    ['delete', '/api/v1/opcua-connections/{id}', 409, ['opcua_connection_of_file']],
    ['patch', '/api/v1/points/{id}', 409, ['history_undecided', 'merge_under_way']],
    [
      'post',
      '/api/v1/devices/{id}/rotate-credentials',
      409,
      ['idempotency_in_progress', 'device_of_connection', 'device_revoked'],
    ],
    [
      'post',
      '/api/v1/devices/provision',
      401,
      ['device_token_invalid', 'device_token_expired', 'device_token_revoked'],
    ],
    ['post', '/api/v1/devices/provision', 409, ['device_conflict', 'device_token_used']],
    ['post', '/api/v1/telemetry', 503, ['telemetry_busy', 'database_unavailable']],
    ['post', '/api/v1/telemetry/retention-policies', 503, ['database_unavailable']],
    ['get', '/api/v1/telemetry/retention-policies/{id}', 404, ['retention_policy_not_found']],
    ['post', '/api/v1/imports/telemetry', 503, ['import_busy', 'database_unavailable']],
    ['post', '/api/v1/imports/{id}/cancel', 409, ['idempotency_in_progress', 'import_ended']],
    ['post', '/api/v1/quarantine/{id}/replay', 409, ['idempotency_in_progress', 'message_not_replayable']],
    ['post', '/api/v1/rules/{id}/test', 422, ['idempotency_key_reused', 'dry_run_too_large']],
    ['get', '/api/v1/points/{id}/readings', 503, ['query_busy', 'database_unavailable']],
    ['post', '/api/v1/telemetry/query', 503, ['query_busy', 'database_unavailable']],
    ['post', '/api/v1/telemetry/query', 422, ['idempotency_key_reused', 'resolution_dropped', 'query_too_large']],
    ['get', '/problems/{code}', 404, ['route_not_found']],
  ])('%s %s answers %d with the codes that it has, and no others', async (method, path, status, codes) => {
    const { description = '' } = (await document()).paths[path]?.[method]?.responses[status] ?? {};
    expect([...description.matchAll(/^`(\w+)`/gm)].map(([, code]) => code)).toEqual(codes);
  });

  test.each([
    ['get', '/api/v1/devices', [{ apiKey: ['devices:read'] }]],
    ['get', '/api/v1/calendar.ics', [{ apiKey: ['calendar:read'] }, { keyInQuery: ['calendar:read'] }]],
    ['post', '/api/v1/telemetry', [{ apiKey: ['telemetry:write'] }]],
    ['post', '/api/v1/devices/provision', []],
  ])('%s %s names the scope that a key needs', async (method, path, security) => {
    expect((await document()).paths[path]?.[method]?.security).toEqual(security);
  });

  test('bodies are shown in each of their forms: rows as JSON and a line each, a file by itself and in a form', async () => {
    const { paths } = await document();
    const mediaOf = (path: string) => paths[path]?.post?.requestBody?.content ?? {};
    for (const path of ['/api/v1/telemetry', '/api/v1/points/{id}/readings']) {
      const { 'application/json': json, 'application/x-ndjson': ndjson } = mediaOf(path);
      expect(json?.schema).toMatchObject({ anyOf: [{ type: 'object', required: ['value'] }, { type: 'array' }, {}] });
      expect(ndjson?.schema).toMatchObject({ type: 'string' });
      const [example] = Object.values(ndjson?.examples ?? {}).map(({ value }) => String(value));
      const rows = example?.split('\n').map((line) => JSON.parse(line)) ?? [];
      expect(rows).toEqual([expect.objectContaining({ value: 13.2 }), expect.objectContaining({ quality: 'bad' })]);
    }
    const file = mediaOf('/api/v1/imports/telemetry');
    expect(file['text/csv']?.schema).toMatchObject({ type: 'string' });
    expect(file['multipart/form-data']?.schema).toMatchObject({
      properties: { columns: {}, site: {}, asset: {}, file: { contentMediaType: 'text/csv' } },
    });
  });

  test('T1 R4: the paths below a site end with a slash, the others do not', async () => {
    for (const path of Object.keys((await document()).paths)) {
      expect([path, path.endsWith('/')]).toEqual([path, path.startsWith('/api/v1/sites/{slug}/')]);
    }
  });

  test('the examples of bodies are taken by the operations that show them', async () => {
    const world = await makeWorld(api.database);
    const { key, ahuId, pointId } = world;
    const { paths, components } = await document();
    const makeDuplicate = await makeMergeExamples(api, world);
    const prepare = await makePeopleExamples(api, world);
    const makeParts = makePartExamples(api, world);
    const forget = (name: string, table: 'point' | 'asset' = 'point') =>
      api.database.db.deleteFrom(table).where('name', '=', name).execute();
    const correct = () => {
      const body = { reason: 'x', start: '2026-01-01T00:00Z', end: '2026-01-02T00:00Z', set: 1 };
      return api.call('POST', `/api/v1/points/${pointId}/corrections`, { key, body });
    };
    const made = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x' } });
    const [link] = (components.schemas.WorkOrderLinkBody?.examples ?? []) as { work_order_id: string }[];
    const linked = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x' } });
    await api.database.db
      .updateTable('work_order')
      .set({ id: link?.work_order_id ?? '' })
      .where('id', '=', linked.json.data.id)
      .execute();
    const override = await api.call('POST', '/api/v1/sites/ucl-east-campus/rule-overrides/', {
      key,
      body: { rule_id: 'g36-fc13', enabled: false, reason: 'x' },
    });
    const policy = await api.call('POST', '/api/v1/sites/ucl-east-campus/telemetry/retention-policies/', {
      key,
      body: { class: 'brick:Sensor', keep: { raw: '90d' } },
    });
    const device = await api.call('POST', '/api/v1/devices', {
      key,
      body: { name: 'x', site: 'ucl-east-campus' },
    });
    const [provisioning] = (components.schemas.DeviceProvisioning?.examples ?? []) as { token: string }[];
    const token = await api.call('POST', '/api/v1/device-tokens', { key, body: { name: 'x' } });
    await api.database.db
      .updateTable('device_token')
      .set({ token_sha256: hashSecret(provisioning?.token ?? '') })
      .where('id', '=', token.json.data.id)
      .execute();
    const issued = await api.call('POST', '/api/v1/api-keys', { key, body: { name: 'x', scopes: ['read'] } });
    const template = await api.call('POST', '/api/v1/topic-templates', {
      key,
      body: { pattern: 'own/{site}/{asset}/{point}', format: 'number' },
    });
    const connection = await api.call('POST', '/api/v1/opcua-connections', {
      key,
      body: {
        name: 'A server that is not there',
        site: 'ucl-east-campus',
        endpoint_url: 'opc.tcp://127.0.0.1:1',
        writable_nodes: ['nsu=urn:plant;s=Chiller.Setpoint'],
      },
    });
    const place = await api.call('POST', '/api/v1/locations', { key, body: { name: 'x' } });
    const team = await api.call('POST', '/api/v1/teams', { key, body: { name: 'x' } });
    let sent = 0;
    for (const [path, item] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const examples = examplesOf(operation, components.schemas);
        const ids: Record<string, string> = {
          assets: ahuId,
          locations: place.json.data.id,
          devices: device.json.data.id,
          points: pointId,
          'work-orders': made.json.data.id,
          rules: 'g36-fc13',
          'rule-overrides': override.json.id,
          'retention-policies': policy.json.id,
          'api-keys': issued.json.data.id,
          users: world.alexId,
          people: world.alexId,
          teams: team.json.data.id,
          'topic-templates': template.json.data.id,
          'opcua-connections': connection.json.data.id,
        };
        const collection = /([\w-]+)\/\{id\}/.exec(path)?.[1] ?? '';
        if (path.includes('/merge-into')) ids[collection] = await makeDuplicate(collection);
        // One action after another on the same work order would be refused.
        if (/\/work-orders\/\{id\}\/\w+\/?$/.test(path))
          ids['work-orders'] = (
            await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x' } })
          ).json.data.id;
        if (path.includes('/insights/{id}')) ids.insights = await world.makeInsight();
        // A name is of one point, and both mounts show the same example.
        if (method === 'post' && /\/points\/?$/.test(path)) await forget('chw_flow');
        if (method === 'post' && /\/assets\/?$/.test(path)) await forget('CNC-1', 'asset');
        if (path.includes('/corrections/{id}')) ids.corrections = (await correct()).json.data.id;
        const isPart = /\/(work-orders|insights)\/\{id\}\/(\w+\/\{\w+_id\}|labor\/\w+)/.test(path);
        const url = isPart
          ? await makeParts(path)
          : path.replace('{slug}', 'ucl-east-campus').replace('{id}', ids[collection] ?? '');
        if (operation.requestBody?.content['application/json'])
          expect([path, method, examples.length]).toEqual([path, method, 1]);
        for (const value of examples) {
          const reply = await api.call(method.toUpperCase(), url, { key, body: value, ...(await prepare(path)) });
          const documented = Object.keys(operation.responses).filter((status) => status < '300');
          expect([url, documented, reply.text]).toEqual([url, expect.arrayContaining([`${reply.status}`]), reply.text]);
          sent += 1;
        }
      }
    }
    expect(sent).toBeGreaterThan(15);
  });
});

describe('the reference', () => {
  test('O3 N9: /documentation/ is a page of this server alone, and its policy allows its own scripts and no others', async () => {
    const { status, headers, text } = await api.call('GET', '/documentation/');
    expect([status, headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(text).not.toMatch(/https?:\/\//);
    const policy = String(headers['content-security-policy']);
    const [, script = ''] = /<script type="text\/javascript">([\s\S]*?)<\/script>/.exec(text) ?? [];
    expect(policy).toContain(`script-src 'self' 'sha256-${createHash('sha256').update(script).digest('base64')}'`);
    expect(policy).toContain("connect-src 'self'");
    expect(policy.split('script-src')[1]?.split(';')[0]).not.toMatch(/unsafe|https/);
    expect(text).toContain('"/openapi.json"');
    const [, source = ''] = /<script src="([^"]+)">/.exec(text) ?? [];
    const served = await api.call('GET', new URL(source, 'http://host/documentation/').pathname);
    expect([served.status, served.headers['content-type']]).toEqual([200, 'application/javascript; charset=utf-8']);
  });

  test('/documentation leads there', async () => {
    expect((await api.call('GET', '/documentation')).headers.location).toBe('/documentation/');
  });

  test('every other answer allows a browser nothing', async () => {
    const { headers } = await api.call('GET', '/healthz');
    expect(headers).toMatchObject({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    });
  });
});
