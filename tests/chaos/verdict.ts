/** What devices sent and were promised, compared with what is in the table. */
import pg from 'pg';
import type { ChaosDevice } from './device.ts';

export type Verdict = {
  readonly sent: number;
  readonly acknowledged: number;
  /** Readings in the table. */
  readonly stored: number;
  /** Acknowledged, and not in the table. */
  readonly missing: number;
  /** In the table more than once. */
  readonly twice: number;
  /** In the table with a value or a time that no device sent. */
  readonly strange: number;
  readonly repeated: number;
  readonly unacknowledged: number;
};

/** Looks into the table once for all devices; one verdict for each quality of service. */
export async function judge(
  devices: readonly ChaosDevice[],
  { databaseUrl, firstMs }: { databaseUrl: string; firstMs: number },
): Promise<readonly [Verdict, Verdict, Verdict]> {
  const stored = await listStored(databaseUrl, firstMs);
  const of = (qos: 0 | 1 | 2) => sum(devices.filter((one) => one.qos === qos).map((one) => judgeOne(one, stored)));
  return [of(0), of(1), of(2)];
}

type Stored = ReadonlyMap<string, { readonly values: readonly number[]; readonly offsets: readonly number[] }>;

function judgeOne(device: ChaosDevice, stored: Stored): Verdict {
  const { values = [], offsets = [] } = stored.get(device.asset) ?? {};
  const there = new Set(values);
  let missing = 0;
  for (const n of device.acknowledged) if (!there.has(n)) missing++;
  const sent = device.sent();
  return {
    sent,
    acknowledged: device.acknowledged.size,
    stored: values.length,
    missing,
    twice: values.length - there.size,
    strange: values.filter((n, i) => n !== offsets[i] || n >= sent).length,
    repeated: device.repeated(),
    unacknowledged: device.inFlight(),
  };
}

function sum(verdicts: readonly Verdict[]): Verdict {
  const total = (key: keyof Verdict) => verdicts.reduce((all, one) => all + one[key], 0);
  return {
    sent: total('sent'),
    acknowledged: total('acknowledged'),
    stored: total('stored'),
    missing: total('missing'),
    twice: total('twice'),
    strange: total('strange'),
    repeated: total('repeated'),
    unacknowledged: total('unacknowledged'),
  };
}

async function listStored(databaseUrl: string, firstMs: number): Promise<Stored> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ asset: string; values: number[]; offsets: number[] }>(
      `select a.name as asset, array_agg(r.value order by r.time) as values,
         array_agg((extract(epoch from r.time) * 1000 - $1::float8)::float8 order by r.time) as offsets
       from reading r join point p on p.series_id = r.series_id join asset a on a.id = p.asset_id group by a.name`,
      [firstMs],
    );
    return new Map(rows.map((row) => [row.asset, row]));
  } finally {
    await client.end();
  }
}
