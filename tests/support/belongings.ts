/** One of everything that a tenant may have, for tests that ask for it with keys that may not see it. */
import { exampleCertificate } from '../../src/ingest/opcua/certificates/example-certificate.ts';
import { newId } from '../../src/platform/id.ts';
import type { TestApi, World } from './api.ts';
import { makeForm, makePicture } from './forms.ts';

/** What tells that something is theirs: their texts, and ids that nobody else has by chance. */
export function marksOf({ secret, ids }: Belongings): string[] {
  return [secret, ...Object.values(ids).filter((id) => id.length === 36)];
}

export type Belongings = {
  /** Stands in every text of theirs. */
  readonly secret: string;
  /** Ids by the collection that they are in, and by `collection/parameter` for what is below another thing. */
  readonly ids: Readonly<Record<string, string>>;
};

/** Makes one of everything at the first site of the world, whose texts all have `secret` in them. The slug of that site becomes it. */
export async function makeBelongings(api: TestApi, world: World, secret: string): Promise<Belongings> {
  const ids: Record<string, string> = {
    slug: secret,
    points: world.pointId,
    // The library is the same for all tenants: what none of them has stands for what another has.
    rules: 'no-such-rule',
  };
  await nameAll(api, world, secret);
  const pictured = makeForm([['file', { bytes: await makePicture('png') }]]);
  const { status } = await api.call('PUT', `/api/v1/assets/${world.ahuId}/image`, { key: world.key, ...pictured });
  if (status !== 200) throw new Error(`a picture: ${status}`);
  const make: Make = async (of, path, body) => {
    const sent = body !== undefined && 'payload' in body ? body : { body };
    const made = await api.call('POST', `/api/v1/${path}`, { key: world.key, ...(sent as object) });
    if (made.status > 201) throw new Error(`${path} ${made.status}: ${made.text}`);
    ids[of] = made.json.data.id;
    return made.json.data.id;
  };
  await makePlant({ make, ids, world, secret });
  ids.insights = await world.makeInsight();
  const { db } = api.database;
  await db.updateTable('insight').set({ title: secret }).where('id', '=', ids.insights).execute();
  await make('insights/comment_id', `insights/${ids.insights}/comments`, { body: secret });
  await makeWorkOrder({ make, ids, world, secret });
  await makeSettings({ make, ids, world, secret });
  await insertRest(api, world, { ids, secret });
  const first = async (path: string) => (await api.call('GET', path, { key: world.key })).json.data[0].id as string;
  ids['audit-log'] = await first('/api/v1/audit-log?limit=1');
  ids.events = await first(`/api/v1/events?limit=1&site=${secret}`);
  return { secret, ids };
}

type Make = (of: string, path: string, body?: object) => Promise<string>;
type Making = {
  readonly make: Make;
  readonly ids: Record<string, string>;
  readonly world: World;
  readonly secret: string;
};

async function nameAll({ database: { db } }: TestApi, world: World, secret: string): Promise<void> {
  await db.updateTable('site').set({ slug: secret, name: secret }).where('id', '=', world.campusId).execute();
  const asset = { name: secret, uri: `urn:${secret}`, barcode: `code-of-${secret}` };
  await db.updateTable('asset').set(asset).where('id', '=', world.ahuId).execute();
  await db.updateTable('point').set({ name: secret }).where('id', '=', world.pointId).execute();
}

async function makePlant({ make, ids, world, secret }: Making): Promise<void> {
  ids.assets = world.ahuId;
  ids.code = `code-of-${secret}`;
  await make('assets/other_id', 'assets', { name: `${secret}-other`, site: secret });
  await make('locations', 'locations', { name: secret, site: secret });
  const span = { start: '2026-01-01T00:00Z', end: '2026-01-02T00:00Z', set: 1 };
  await make('corrections', `points/${world.pointId}/corrections`, { reason: secret, ...span });
  const twin = await make('twins', 'points', { asset_id: world.ahuId, name: `${secret}-too` });
  await make('point-merges', `points/${twin}/merge-into`, { target: world.pointId, reason: secret });
  await make('rule-overrides', 'rule-overrides', {
    ...{ rule_id: 'sat-warm', asset_id: world.ahuId },
    ...{ enabled: false, reason: secret },
  });
}

async function makeWorkOrder({ make, ids, world, secret }: Making): Promise<void> {
  const linked = { insight: ids.insights, assigned_to: world.alexId, asset_id: world.ahuId };
  const order = `work-orders/${await make('work-orders', 'work-orders', { title: secret, ...linked })}`;
  const blocked = await make('blocked', 'work-orders', { title: secret });
  await make('work-orders/link_id', `${order}/links`, { kind: 'blocks', work_order_id: blocked });
  await make('work-orders/comment_id', `${order}/comments`, { body: secret });
  await make('work-orders/task_id', `${order}/tasks`, { title: secret });
  const labor = { minutes: 5, note: secret, user_id: world.alexId, started_at: '2026-03-16T13:00:00Z' };
  await make('work-orders/labor_id', `${order}/labor`, labor);
  const picture = { bytes: await makePicture('png'), name: `${secret}.png`, type: 'image/png' };
  const text = { bytes: secret, name: `${secret}.txt`, type: 'text/plain' };
  const attached = makeForm([
    ['name', secret],
    ['file', text],
  ]);
  await make('work-orders/attachment_id', `${order}/attachments`, attached);
  const photo = makeForm([
    ['caption', secret],
    ['file', picture],
  ]);
  await make('work-orders/photo_id', `${order}/photos`, photo);
  const signed = makeForm([
    ['signer_name', secret],
    ['image', picture],
  ]);
  await make('work-orders/signature_id', `${order}/signatures`, signed);
}

async function makeSettings({ make, ids, world, secret }: Making): Promise<void> {
  await make('users', 'users', {
    username: secret,
    email: `${secret}@example.com`,
    role: 'technician',
    site_ids: [world.campusId],
  });
  ids.people = ids.users as string;
  await make('teams', 'teams', { name: secret, members: [ids.users] });
  await make('api-keys', 'api-keys', { name: secret, scopes: ['read'] });
  const pattern = `${secret}/{site}/{asset}/{point}`;
  await make('topic-templates', 'topic-templates', { name: secret, pattern, format: 'number' });
  await make('devices', 'devices', { name: secret, site: secret });
  await make('device-tokens', 'device-tokens', { name: secret, site: secret });
  await make('retention-policies', 'telemetry/retention-policies', {
    keep: { raw: '90d' },
    note: secret,
    site: secret,
  });
  const server = { name: secret, site: secret, endpoint_url: 'opc.tcp://127.0.0.1:1' };
  await make('opcua-connections', 'opcua-connections', server);
  await make('opcua-certificates', 'opcua-certificates', { certificate: exampleCertificate });
  ids.site_ids = world.campusId;
}

/** What comes by other ways than the API. */
async function insertRest(
  { database: { db } }: TestApi,
  world: World,
  { ids, secret }: { ids: Record<string, string>; secret: string },
): Promise<void> {
  const [quarantined, imported, session] = [newId(), newId(), newId()];
  const tenant_id = world.tenantId;
  const message = { id: quarantined, tenant_id, reason: 'x', detail: secret, topic: secret };
  await db
    .insertInto('quarantine')
    .values({ ...message, payload: Buffer.from(secret), received_at: new Date() })
    .execute();
  const logIn = { id: session, tenant_id, user_id: ids.users as string, address: secret, user_agent: secret };
  await db
    .insertInto('session')
    .values({ ...logIn, expires_at: new Date(Date.now() + 86_400_000) })
    .execute();
  const file = { id: imported, tenant_id, site_id: world.campusId, holder_id: newId(), file_name: secret };
  await db
    .insertInto('telemetry_import')
    .values({ ...file, state: 'done', columns: '' })
    .execute();
  Object.assign(ids, { quarantine: quarantined, imports: imported, sessions: session });
}
