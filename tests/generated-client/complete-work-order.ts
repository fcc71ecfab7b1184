/** What an integrator writes on the first day: with the types of the document, and nothing else from us. */
import createClient from 'openapi-fetch';
import type { paths } from './generated/schema.js';

/** Creates a work order, starts it, says more about it under the version that it has, completes it; gives its statuses on the way. */
export async function completeWorkOrder(baseUrl: string, key: string, assetId: string): Promise<string[]> {
  const client = createClient<paths>({ baseUrl, headers: { authorization: `Bearer ${key}` } });
  const created = await client.POST('/api/v1/work-orders', {
    params: { header: { 'Idempotency-Key': 'first-day-1' } },
    body: { title: 'Replace the bearing', priority: 'high', wo_type: 'corrective', asset_id: assetId },
  });
  if (created.error) throw new Error(created.error.message);
  const { id } = created.data.data;
  const path = { id };
  const started = await client.POST('/api/v1/work-orders/{id}/start', { params: { path } });
  if (started.error) throw new Error(started.error.message);
  const etag = started.response.headers.get('etag') ?? '';
  const changed = await client.PATCH('/api/v1/work-orders/{id}', {
    params: { path, header: { 'If-Match': etag } },
    body: { description: 'It was noisy.' },
  });
  if (changed.error) throw new Error(changed.error.message);
  const completed = await client.POST('/api/v1/work-orders/{id}/complete', {
    params: { path },
    body: { resolution: 'Replaced.' },
  });
  if (completed.error) throw new Error(completed.error.message);
  const found = await client.GET('/api/v1/work-orders', {
    params: { query: { status: 'completed', asset_id: assetId } },
  });
  if (found.error) throw new Error(found.error.message);
  const listed = found.data.data.find((order) => order.id === id);
  return [created.data.data.status, started.data.data.status, listed?.status ?? 'not found'];
}
