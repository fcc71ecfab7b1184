/** Values of Sparkplug B, as an encoder that is not ours sends them. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bornAt, nodeBirth, sparkplug, useSparkplug } from './support/sparkplug-stage.ts';

const stage = useSparkplug();

/** Metrics of all the datatypes that sparkplug-payload encodes rightly, each with a value that a reading can have. */
const metricArb = fc
  .oneof(
    fc.tuple(fc.constant('Int8'), fc.integer({ min: -128, max: 127 })),
    fc.tuple(fc.constant('Int16'), fc.integer({ min: -32_768, max: 32_767 })),
    fc.tuple(fc.constant('Int32'), fc.integer()),
    fc.tuple(fc.constant('UInt8'), fc.integer({ min: 0, max: 255 })),
    fc.tuple(fc.constant('UInt16'), fc.integer({ min: 0, max: 65_535 })),
    fc.tuple(fc.constant('UInt32'), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
    fc.tuple(fc.constant('Int64'), fc.maxSafeInteger()),
    fc.tuple(fc.constant('UInt64'), fc.maxSafeNat()),
    fc.tuple(fc.constant('DateTime'), fc.maxSafeNat()),
    fc.tuple(fc.constant('Float'), fc.float({ noNaN: true, noDefaultInfinity: true })),
    fc.tuple(fc.constant('Double'), fc.double({ noNaN: true, noDefaultInfinity: true })),
    fc.tuple(fc.constant('Boolean'), fc.boolean()),
    fc.tuple(fc.constant('Double'), fc.constant(null)),
  )
  .map(([type, value]) => ({ type, value }));

test('whatever an encoder that is not ours makes of metrics comes out as it went in', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0));
  let run = 0;
  const sendAll = async (metrics: readonly { type: string; value: number | boolean | null }[]) => {
    run++;
    const named = metrics.map((metric, i) => ({ ...metric, name: `m/${i}`, timestamp: bornAt }));
    const payload = { timestamp: bornAt, seq: run % 256, metrics: named };
    node.post('DBIRTH', `d-${run}`, Buffer.from(sparkplug.encodePayload(payload as never)));
    await node.send('DDATA', `d-${run}`, { at: bornAt, metrics: [] });
    const stored = await readingsOf(`d-${run}`);
    const expected = metrics.map(({ value }, i) => ({
      name: `m/${i}`,
      value: value === null ? null : Number(value) + 0,
      quality: value === null ? 2 : 0,
    }));
    expect(stored).toEqual(expected.sort((a, b) => (a.name < b.name ? -1 : 1)));
  };
  await fc.assert(fc.asyncProperty(fc.array(metricArb, { maxLength: 30 }), sendAll), { numRuns: 60 });
});

async function readingsOf(asset: string): Promise<{ name: string; value: number | null; quality: number }[]> {
  const { rows } = await stage.ingest().database.pool.query(
    `select p.name, nullif(r.value, 'NaN') as value, r.quality from reading r join point p on p.series_id = r.series_id
     join asset a on a.id = p.asset_id where a.name = $1 order by p.name collate "C"`,
    [asset],
  );
  return rows.map((row) => ({ ...row, value: row.value === null ? null : row.value + 0 }));
}
