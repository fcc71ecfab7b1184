/** What became of equipment, how it is doing, how long it was down, and what is printed on it. */
import { sql } from 'kysely';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { type AssetWords, assetWords } from './support/api-assets.ts';

let api: TestApi;
let world: World;
let words: AssetWords;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeWorld(api.database);
  words = assetWords(api, world);
});

type Entry = { kind: string; id: string; at: string; asset: string };
const insightAt = (id: string, values: string) =>
  sql.raw(`update insight set ${values} where id = '${id}'`).execute(api.database.db);

describe('the service history', () => {
  test('joins work orders, insights and changes of status, newest first, page by page', async () => {
    const made = await words.make({ name: 'P-1' });
    const orders: string[] = [];
    for (const title of ['a', 'b', 'c'])
      orders.push((await words.ask('POST', '/work-orders', { title, asset_id: made.id })).json.data.id);
    const insight = await world.makeInsight({ assetId: made.id });
    await words.change(made.id, { status: 'down', status_reason: 'a seal' });
    await words.change(made.id, { status: 'operational' });
    await words.ask('DELETE', `/work-orders/${orders[1]}`);
    const whole: Entry[] = await words.get(`/assets/${made.id}/history`);
    expect(whole.map(({ kind }) => kind)).toEqual([
      'status_change',
      'status_change',
      'work_order',
      'work_order',
      'insight',
    ]);
    expect(whole.map(({ at }) => at)).toEqual(
      whole
        .map(({ at }) => at)
        .sort()
        .reverse(),
    );
    expect(whole[1]).toMatchObject({
      title: 'operational → down',
      status: 'down',
      status_change: { from: 'operational', to: 'down', reason: 'a seal', author: 'alex' },
      work_order: null,
    });
    expect(whole[2]).toMatchObject({ id: orders[2], title: 'c', status: 'open', work_order: { type: 'reactive' } });
    expect(whole[4]).toMatchObject({ id: insight, insight: { severity: 'warning', episodes: 1 } });
    const paged: Entry[] = [];
    let cursor = '';
    do {
      const { json } = await words.ask('GET', `/assets/${made.id}/history?limit=2${cursor}`);
      expect(json.total).toBe(5);
      paged.push(...json.data);
      cursor = json.nextCursor === null ? '' : `&cursor=${json.nextCursor}`;
    } while (cursor !== '');
    expect(paged).toEqual(whole);
    expect((await words.get(`/assets/${made.id}/history?kind=insight`)).map(({ id }: Entry) => id)).toEqual([insight]);
  });

  test('has that of its parts if asked, and of what was merged into it', async () => {
    const [whole, part, twin] = [
      await words.make({ name: 'whole' }),
      await words.make({ name: 'part' }),
      await words.make({ name: 'twin' }),
    ];
    await words.change(part.id, { parent_id: whole.id });
    await words.ask('POST', '/work-orders', { title: 'x', asset_id: part.id });
    const insight = await world.makeInsight({ assetId: twin.id });
    await words.ask('POST', `/assets/${twin.id}/merge-into`, { target: whole.id });
    const entries = async (query = '') =>
      (await words.get(`/assets/${whole.id}/history${query}`)).map((one: Entry) => [one.asset, one.kind, one.id]);
    expect(await entries()).toEqual([
      ['twin', 'status_change', expect.any(String)],
      ['twin', 'insight', insight],
    ]);
    expect((await entries('?with_parts=true')).map(([name]: string[]) => name)).toEqual(['twin', 'part', 'twin']);
  });

  test('shows a key what it may see, and says which scope is missing for what it asks', async () => {
    const made = await words.make({ name: 'P-2' });
    await words.ask('POST', '/work-orders', { title: 'x', asset_id: made.id });
    await words.change(made.id, { status: 'degraded' });
    const key = await world.makeKey({ scopes: ['assets:read'] });
    const shown = await words.ask('GET', `/assets/${made.id}/history`, undefined, key);
    expect([shown.json.total, shown.json.data[0].kind]).toEqual([1, 'status_change']);
    const asked = await words.ask('GET', `/assets/${made.id}/history?kind=work_order`, undefined, key);
    expect([asked.status, asked.json.error]).toEqual([403, 'scope_missing']);
  });
});

describe('the lists below equipment', () => {
  test('hold its points, insights and work orders, and no others', async () => {
    const made = await words.make({ name: 'P-3' });
    const point = await words.ask('POST', '/points', { asset_id: made.id, name: 't' });
    const order = await words.ask('POST', '/work-orders', { title: 'x', asset_id: made.id });
    await words.ask('POST', '/work-orders', { title: 'y', asset_id: world.ahuId });
    const insight = await world.makeInsight({ assetId: made.id });
    await world.makeInsight();
    const ids = async (below: string) =>
      (await words.get(`/assets/${made.id}/${below}`)).map(({ id }: { id: string }) => id);
    expect([await ids('points'), await ids('insights'), await ids('work-orders')]).toEqual([
      [point.json.data.id],
      [insight],
      [order.json.data.id],
    ]);
    expect(await ids('work-orders?status=completed')).toEqual([]);
    const below = await words.ask('GET', `/sites/ucl-east-campus/assets/${made.id}/work-orders/`);
    expect([below.json.length, below.headers['x-total-count']]).toEqual([1, '1']);
  });
});

describe('health', () => {
  const healthOf = async (id: string) => words.get(`/assets/${id}/health`);
  const scoreOf = async (id: string) => (await healthOf(id)).score;

  test('is 100 less what its formula takes, the same in lists', async () => {
    const made = await words.make({ name: 'P-4' });
    expect(await healthOf(made.id)).toMatchObject({ score: null, level: 'unknown' });
    for (const name of ['a', 'b', 'c', 'd'])
      await words.ask('POST', '/points', { asset_id: made.id, name, expected_interval_s: name === 'd' ? null : 60 });
    expect(await healthOf(made.id)).toMatchObject({ score: 100, level: 'good', points: 4, points_expected: 3 });
    const warning = await world.makeInsight({ assetId: made.id });
    expect(await scoreOf(made.id)).toBe(85);
    const critical = await world.makeInsight({ assetId: made.id, status: 'in_progress' });
    await insightAt(critical, "severity = 'critical'");
    expect(await healthOf(made.id)).toMatchObject({
      score: 45,
      level: 'poor',
      open_insights: { critical: 1, warning: 1, info: 0 },
    });
    await insightAt(critical, "severity = 'info', status = 'snoozed'");
    expect(await healthOf(made.id)).toMatchObject({ score: 80, level: 'good' });
    await words.change(made.id, { status: 'degraded' });
    expect(await healthOf(made.id)).toMatchObject({ score: 60, level: 'fair' });
    for (const values of [
      "suppressed_by = 'x'",
      'suppressed_by = null, shadow = true',
      "shadow = false, status = 'resolved'",
      "status = 'dismissed'",
    ]) {
      await insightAt(warning, values);
      expect([values, await scoreOf(made.id)]).toEqual([values, 75]);
    }
    const evidence = JSON.stringify({
      'point a': { value: 'silent' },
      'point …': { value: 'and 1 more' },
      'a rule': {},
    });
    const missing = await world.makeInsight({ assetId: made.id });
    await insightAt(missing, `rule_id = 'data-missing', evidence = '${evidence}'`);
    expect(await healthOf(made.id)).toMatchObject({
      score: 55,
      points_stale: 2,
      open_insights: { warning: 0, info: 1 },
    });
    const list = await words.get('/assets?sort=health&expand=health&health[lt]=60');
    expect(
      list.map((one: { id: string; expanded: { health: { score: number } } }) => [one.id, one.expanded.health.score]),
    ).toEqual([[made.id, 55]]);
  });

  test('is 0 for what is down, never below, and none for what is retired', async () => {
    const made = await words.make({ name: 'P-5', status: 'down' });
    expect(await healthOf(made.id)).toMatchObject({ score: 0, level: 'down' });
    await words.change(made.id, { status: 'operational' });
    for (let i = 0; i < 3; i++) {
      const id = await world.makeInsight({ assetId: made.id });
      await insightAt(id, "severity = 'critical'");
    }
    expect(await healthOf(made.id)).toMatchObject({ score: 0, level: 'poor' });
    await words.change(made.id, { status: 'retired' });
    expect(await healthOf(made.id)).toMatchObject({ score: null, level: 'unknown' });
  });

  test('sorts what has none last, both ways, page by page', async () => {
    const [well, ill, none] = [
      await words.make({ name: 'x-well' }),
      await words.make({ name: 'x-ill' }),
      await words.make({ name: 'x-none' }),
    ];
    for (const { id } of [well, ill]) await words.ask('POST', '/points', { asset_id: id, name: 'a' });
    await world.makeInsight({ assetId: ill.id });
    const walk = async (sort: string) => {
      const seen: string[] = [];
      let cursor = '';
      do {
        const { json } = await words.ask('GET', `/assets?q=x-&sort=${sort}&limit=1${cursor}`);
        seen.push(...json.data.map(({ name }: { name: string }) => name));
        cursor = json.nextCursor === null ? '' : `&cursor=${json.nextCursor}`;
      } while (cursor !== '');
      return seen;
    };
    expect([await walk('health'), await walk('-health')]).toEqual([
      ['x-ill', 'x-well', 'x-none'],
      ['x-well', 'x-ill', 'x-none'],
    ]);
    expect(none.id).toBeDefined();
  });
});

describe('downtime', () => {
  test('sums the time in each status, from when it was made known until now', async () => {
    const made = await words.make({ name: 'P-6' });
    const { db } = api.database;
    await db
      .updateTable('asset')
      .set({ created_at: '2026-01-01T00:00:00Z', status: 'degraded' })
      .where('id', '=', made.id)
      .execute();
    const changes = [
      ['operational', 'down', '2026-01-01T06:00:00Z'],
      ['down', 'operational', '2026-01-01T08:00:00Z'],
      ['operational', 'degraded', '2026-01-02T00:00:00Z'],
    ].map(([from_status = '', to_status = '', at = '']) => ({ from_status, to_status, at }));
    for (const change of changes)
      await sql`insert into asset_status_change (id, tenant_id, asset_id, from_status, to_status, author, at)
        values (gen_random_uuid(), ${world.tenantId}, ${made.id}, ${change.from_status}, ${change.to_status}, 'a', ${change.at})`.execute(
        db,
      );
    const downtime = (query: string) => words.get(`/assets/${made.id}/downtime${query}`);
    expect(await downtime('?start=2025-12-01&end=2026-01-01T12:00:00Z')).toMatchObject({
      start: '2026-01-01T00:00:00Z',
      minutes: { operational: 600, down: 120, degraded: 0, retired: 0 },
      times_down: 1,
      availability: 10 / 12,
    });
    const { periods, minutes } = await downtime('?start=2026-01-01T07:00:00Z&end=2026-01-03T00:00:00Z');
    expect(minutes).toEqual({ operational: 960, down: 60, degraded: 1440, retired: 0 });
    expect(periods.map(({ status }: { status: string }) => status)).toEqual(['degraded', 'operational', 'down']);
    expect((await downtime('?start=2026-01-01T01:00:00Z&end=2026-01-01T02:00:00Z')).minutes.operational).toBe(60);
    for (const query of ['?start=2026-01-02&end=2026-01-02', '?start=soon', '?end=2026-13-01', '?start=2099-01-01'])
      expect([query, (await words.ask('GET', `/assets/${made.id}/downtime${query}`)).status]).toEqual([query, 400]);
    const fresh = await words.make({ name: 'P-7' });
    expect((await words.ask('GET', `/assets/${fresh.id}/downtime`)).status).toBe(200);
  });
});

describe('codes', () => {
  test('a QR code holds the link, by which the equipment is found, as by its barcode and its id', async () => {
    const made = await words.make({ name: 'P-8', barcode: 'PUMP 8/ä' });
    const { text, headers, status } = await words.ask('GET', `/assets/${made.id}/qr.svg?size=512`);
    expect([status, headers['content-type']]).toEqual([200, 'image/svg+xml; charset=utf-8']);
    expect(text).toContain('width="512"');
    const link = `http://127.0.0.1:3000/assets/${made.id}`;
    expect(await readQrCode(text)).toEqual(await modulesOf(link));
    for (const code of ['PUMP 8/ä', made.id, link])
      expect((await words.get(`/assets/by-code/${encodeURIComponent(code)}`)).id).toBe(made.id);
    expect((await words.ask('GET', '/assets/by-code/nothing')).json.error).toBe('asset_not_found');
    const other = await makeWorld(api.database);
    expect((await words.ask('GET', `/assets/by-code/${other.ahuId}`)).status).toBe(404);
    expect((await words.ask('GET', `/sites/plant/assets/by-code/${made.id}/`)).status).toBe(404);
    const key = await world.makeKey({ siteIds: [world.plantId] });
    expect((await words.ask('GET', `/assets/by-code/${made.id}`, undefined, key)).status).toBe(403);
  });
});

const border = 4;

/** The dark modules of a QR code as it looks when it is drawn: what a camera sees of it. */
async function readQrCode(svg: string): Promise<boolean[][]> {
  const [, box = ''] = /viewBox="0 0 (\d+) /.exec(svg) ?? [];
  const modules = Number(box);
  // Where a photo has been drawn before, the program has shut libvips to SVG.
  const reading = { operation: ['VipsForeignLoadSvg'] };
  sharp.unblock(reading);
  const { data, info } = await sharp(Buffer.from(svg), { density: 300 })
    .resize(modules * 8, modules * 8)
    .greyscale()
    .raw()
    .toBuffer({ resolveWithObject: true });
  sharp.block(reading);
  const isDark = (x: number, y: number) =>
    (data[(y * 8 + 4) * info.width * info.channels + (x * 8 + 4) * info.channels] ?? 255) < 128;
  const inside = Array.from({ length: modules - 2 * border }, (_, i) => i + border);
  return inside.map((y) => inside.map((x) => isDark(x, y)));
}

/** The modules that a text has as a QR code. */
async function modulesOf(text: string): Promise<boolean[][]> {
  const { create } = await import('qrcode');
  const { modules } = create(text, { errorCorrectionLevel: 'M' });
  const rows = Array.from({ length: modules.size }, (_, y) => y);
  return rows.map((y) => rows.map((x) => Boolean(modules.get(y, x))));
}
