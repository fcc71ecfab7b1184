/** What is asked of work orders: as requests of the API, and as the SQL that one would write by hand for the same. */
import type autocannon from 'autocannon';
import type { Asked } from './api-load.ts';
import type { Statement } from './api-sql.ts';

export type Case = {
  readonly name: 'list' | 'filter' | 'get' | 'create' | 'patch';
  readonly asked: Asked;
  readonly statement: Statement;
};

type Given = {
  readonly apiUrl: string;
  readonly apiKey: string;
  readonly tenantId: string;
  /** Of work orders that there are. */
  readonly ids: readonly string[];
  /** The length of a page. */
  readonly limit: number;
};

/** The five kinds of request for a program that has work orders. */
export function casesOf({ apiUrl, apiKey, tenantId, ids, limit }: Given): Case[] {
  const url = apiUrl;
  const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
  let turn = 0;
  const nextId = () => ids[turn++ % ids.length] ?? '';
  const get = (path: string): autocannon.Request => ({ method: 'GET', path, headers });
  const send = (method: 'POST' | 'PATCH', path: string, body: object): autocannon.Request => ({
    method,
    path,
    headers,
    body: JSON.stringify(body),
  });
  const all = '/api/v1/work-orders';
  const newest = `order by created_at desc, id desc limit ${limit + 1}`;
  const standing = 'tenant_id = $1 and deleted_at is null';
  return [
    {
      name: 'list',
      asked: { url, next: () => get(`${all}?limit=${limit}`) },
      statement: { text: `select * from work_order where ${standing} ${newest}`, next: () => [tenantId] },
    },
    {
      name: 'filter',
      asked: { url, next: () => get(`${all}?status=open&priority=high&limit=${limit}`) },
      statement: {
        text: `select * from work_order where ${standing} and status = $2 and priority = $3 ${newest}`,
        next: () => [tenantId, 'open', 'high'],
      },
    },
    {
      name: 'get',
      asked: { url, next: () => get(`${all}/${nextId()}`) },
      statement: { text: `select * from work_order where ${standing} and id = $2`, next: () => [tenantId, nextId()] },
    },
    {
      name: 'create',
      asked: { url, next: () => send('POST', all, { title: 'Bearing replacement', priority: 'high' }) },
      statement: {
        text: `insert into work_order (id, tenant_id, site_id, number, title, priority, type)
          select uuidv7(), $1, site.id, -nextval('bench_number'), 'Bearing replacement', 'high', 'reactive'
          from site where tenant_id = $1 limit 1`,
        next: () => [tenantId],
      },
    },
    {
      name: 'patch',
      asked: { url, next: () => send('PATCH', `${all}/${nextId()}`, { description: `What was found, ${turn}.` }) },
      statement: {
        text: 'update work_order set description = $3, updated_at = now() where tenant_id = $1 and id = $2',
        next: () => [tenantId, nextId(), `What was found, ${turn}.`],
      },
    },
  ];
}
