/**
 * A hundred thousand pieces of poison: payloads that are decoded, payloads that are published, and packets. What a failure
 * prints, its seed, makes the same again: POISON_SEED=… npx vitest run --project integration tests/ingest-poison.test.ts
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { decodeAsset, decodePoint } from '../src/ingest/decode/decode.ts';
import type { Sample } from '../src/ingest/decode/sample.ts';
import { decodeDevice, decodeGateway } from '../src/ingest/decode/thingsboard.ts';
import { compileTemplate, createTemplateSet } from '../src/ingest/templates/compile.ts';
import { decodeTemplate } from '../src/ingest/templates/decode-template.ts';
import { type Definition, TopicTemplateBody } from '../src/ingest/templates/template.ts';
import { password, startTestIngest, type TestIngest } from './support/ingest.ts';
import { createPoison } from './support/poison.ts';
import { publishAll, sendPackets } from './support/poison-clients.ts';

const seed = Number(process.env.POISON_SEED ?? Math.floor(Math.random() * 2 ** 32));
const counts = { decoded: 30_000, published: 50_000, packets: 20_000 };
const heapGrowthMbMax = 48;

const templates = [
  { pattern: 'bms/{site}/+/{asset}/{point}', pointers: { value: '/v', time: '/t', quality: '/q' } },
  {
    pattern: 'gw/{site}/up',
    pointers: { items: '/readings', asset: '/unit', point: '/sensor/name', value: '/v', time: '/t' },
  },
  { pattern: 'any/{site}/#', asset: 'a', pointers: { values: '' } },
  { pattern: 'text/{site}/{asset}/{point}', format: 'text' },
].map((body): Definition => {
  const { site = null, asset = null, point = null, ...rest } = TopicTemplateBody.parse(body);
  return { site, asset, point, ...rest };
});

test(`every payload gives samples that can be stored, reasons why not, or both, and nothing throws (seed ${seed})`, () => {
  const poison = createPoison(seed);
  const receivedMs = Date.parse('2026-03-02T10:00:00Z');
  const arrived = { receivedMs, timeZone: 'Europe/Berlin' };
  const matches = templates.map((definition, n) => {
    const compiled = compileTemplate(String(n), definition);
    if ('problems' in compiled) throw new Error(JSON.stringify(compiled.problems));
    const topic = ['bms/n/3/a/p', 'gw/n/up', 'any/n/x', 'text/n/a/p'][n] ?? '';
    const match = createTemplateSet([compiled.template]).find(topic);
    if (!match) throw new Error(`no match for ${topic}`);
    return match;
  });
  const isStorable = ({ value, timeMs, quality }: Sample) =>
    (typeof value !== 'number' || Number.isFinite(value)) &&
    (value !== null || quality === 'bad') &&
    timeMs <= receivedMs + 300_000 &&
    timeMs > 0;
  for (let n = 0; n < counts.decoded; n++) {
    const payload = poison.payload();
    const read = [
      decodePoint('p', payload, arrived),
      decodeAsset(payload, arrived),
      decodeDevice(payload, arrived),
      ...[decodeGateway(payload, arrived), ...matches.map((match) => decodeTemplate(match, payload, arrived))].map(
        ({ assets, rejections }) => ({ samples: [...assets.values()].flat(), rejections }),
      ),
    ];
    for (const [form, { samples, rejections }] of read.entries()) {
      const isSound = samples.length + rejections.length > 0 && samples.every(isStorable);
      if (!isSound)
        throw new Error(`form ${form} of payload ${n}, ${payload.toString('hex')}: ${JSON.stringify(samples)}`);
      for (const { detail } of rejections) if (detail.length > 700) throw new Error(`a long reason: ${detail}`);
    }
  }
});

test(`every poisoned message is acknowledged, every good one beside it is stored, and memory is back where it was (seed ${seed})`, {
  timeout: 480_000,
}, async () => {
  await using ingest = await startTestIngest();
  await prepare(ingest);
  const door = { port: ingest.port, username: 'poison', password };
  const before = heapMb();
  let isOver = false;
  let good = 0;
  const behaved = publishAll(
    { ...door, username: 'gateway' },
    {
      clientId: 'good',
      window: 20,
      next: () => (isOver ? undefined : { topic: 'telemetry/north/good/p', payload: Buffer.from(goodPayload(good++)) }),
    },
  );

  const poison = createPoison(seed + 1);
  let left = counts.published;
  const next = () => (left-- > 0 ? { topic: poison.topic(), payload: poison.payload() } : undefined);
  const clients = Array.from({ length: 4 }, (_, n) => publishAll(door, { clientId: `p${n}`, window: 300, next }));
  const acknowledged = await Promise.all(clients);
  expect(acknowledged.reduce((sum, count) => sum + count, 0)).toBe(counts.published);

  let sent = 0;
  const attackers = Array.from({ length: 8 }, async (_, n) => {
    const own = createPoison(seed + 2 + n);
    for (let session = 0; sent < counts.packets; session++) sent += await sendPackets(door, own, `x-${n}-${session}`);
  });
  await Promise.all(attackers);
  isOver = true;
  expect(await behaved).toBe(good);
  const { rows } = await ingest.database.pool.query(
    `select count(*)::integer as readings from reading r join point p on p.series_id = r.series_id join asset a on a.id = p.asset_id where a.name = 'good'`,
  );
  expect(rows).toEqual([{ readings: good }]);
  await expect.poll(heapMb, { timeout: 20_000, interval: 500 }).toBeLessThan(before + heapGrowthMbMax);
});

const goodPayload = (n: number) => `{"value":${n},"time":${Date.parse('2026-03-01T00:00:00Z') + n}}`;

async function prepare(ingest: TestIngest): Promise<void> {
  await ingest.addSite('quiet', { discovery: false });
  await ingest.addDevice('poison', ['#']);
  const { database, tenantId } = ingest;
  for (const [n, { pattern, ...definition }] of templates.entries()) {
    await database.pool.query(
      `insert into topic_template (id, tenant_id, name, pattern, shape, enabled, definition) values (gen_random_uuid(), $1, $2, $3, $2, true, $4)`,
      [tenantId, String(n), pattern, JSON.stringify(definition)],
    );
  }
  await sleep(1_100);
}

/** What is alive on the heap, in MB, after everything else has been collected. */
function heapMb(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return Math.round(process.memoryUsage().heapUsed / 1_048_576);
}
