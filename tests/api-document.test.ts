import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { refusalList } from '../src/platform/refusals.ts';
import { readRuleTexts } from '../src/rules/language/load-rules.ts';
import { makeWorld, startTestApi, type TestApi } from './support/api.ts';
import { deployLibrary } from './support/api-rules.ts';
import { type DescribedOperation, examplesOf, successOf } from './support/document-examples.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  const texts = (await readRuleTexts('rules')).map(({ file, text }) => ({ file: relative('rules', file), text }));
  await deployLibrary(api, texts);
});
afterAll(() => api.close());

type Operation = DescribedOperation & {
  operationId: string;
  responses: Record<string, { description: string; headers: object }>;
};
type Document = {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, { examples?: unknown[] }> };
};

const document = async () => (await api.call('GET', '/openapi.json')).json as Document;

describe('the document', () => {
  test('O2: it is OpenAPI 3.1 in JSON, and the same in YAML', async () => {
    const json = await document();
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
        if (path.startsWith('/api/v1')) expect(statuses).toEqual(expect.arrayContaining([400, 401, 403, 500, 503]));
        if (path.includes('{')) expect(statuses).toContain(404);
        if (method === 'post') expect(statuses).toEqual(expect.arrayContaining([409, 413, 415, 422]));
        if (method === 'post') expect(successOf(operation)).toBeOneOf([200, 201]);
        if (method === 'patch' || method === 'delete') expect(statuses).toContain(412);
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
    const ofNoOperation = ['method_not_allowed', 'request_timeout', 'headers_too_large'];
    for (const code of Object.keys(refusalList))
      expect([code, text.includes(`\`${code}\``)]).toEqual([code, !ofNoOperation.includes(code)]);
  });

  test('T1 R4: the paths below a site end with a slash, the others do not', async () => {
    for (const path of Object.keys((await document()).paths)) {
      expect([path, path.endsWith('/')]).toEqual([path, path.startsWith('/api/v1/sites/{slug}/')]);
    }
  });

  test('the examples of bodies are taken by the operations that show them', async () => {
    const { key, ahuId } = await makeWorld(api.database);
    const { paths, components } = await document();
    const made = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x' } });
    const override = await api.call('POST', '/api/v1/sites/ucl-east-campus/rule-overrides/', {
      key,
      body: { rule_id: 'g36-fc13', enabled: false, reason: 'x' },
    });
    let sent = 0;
    for (const [path, item] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(item)) {
        const examples = examplesOf(operation, components.schemas);
        const ids: Record<string, string> = {
          assets: ahuId,
          'work-orders': made.json.data.id,
          rules: 'g36-fc13',
          'rule-overrides': override.json.id,
        };
        const collection = /([\w-]+)\/\{id\}/.exec(path)?.[1] ?? '';
        const url = path.replace('{slug}', 'ucl-east-campus').replace('{id}', ids[collection] ?? '');
        if (operation.requestBody) expect([path, method, examples.length]).toEqual([path, method, 1]);
        for (const value of examples) {
          const reply = await api.call(method.toUpperCase(), url, { key, body: value });
          expect([url, reply.status]).toEqual([url, successOf(operation)]);
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
