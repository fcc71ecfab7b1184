/** The numbers that a server made, compared with what is in the table. */
import type { Database } from '../../src/platform/database.ts';
import type { OpcuaServer } from '../support/opcua-server.ts';
import { gapsOf } from '../support/opcua-stage.ts';

export type NumbersVerdict = {
  /** Numbers that the server made, for each item. */
  readonly made: number;
  readonly items: number;
  /** Samples that are not in the table, and those of them that no recorded gap has between its bounds. */
  readonly missing: number;
  readonly unexplained: number;
  /** The first few of the latter, as `item number`. */
  readonly examples: readonly string[];
  /** Samples that are in the table more than once. */
  readonly twice: number;
};

type Judged = { readonly server: OpcuaServer; readonly database: Database; readonly connectionId: string };

/** Compares the numbers from `first` to `last`. */
export async function judgeNumbers(
  { server, database, connectionId }: Judged,
  { first, last }: { first: number; last: number },
): Promise<NumbersVerdict> {
  const made = (await server.madeNumbers()).filter((number) => number >= first && number <= last);
  const { rows } = await database.pool.query<{ id: number; point: string; numbers: number[]; rows: number }>(
    `select i.id, i.point, array_agg(distinct r.value) as numbers, count(*)::integer as rows
     from opcua_item i join asset a on a.site_id = i.site_id and a.name = i.asset
       join point p on p.asset_id = a.id and p.name = i.point join reading r on r.series_id = p.series_id
     where i.connection_id = $1 and r.value between $2 and $3 group by i.id, i.point`,
    [connectionId, first, last],
  );
  const gaps = await gapsOf(database, connectionId);
  const explained = (id: number, number: number) => {
    const at = server.timeOf(number);
    return gaps.some(
      ({ item_id, from_at, to_at }) =>
        (item_id === null || item_id === id) && from_at.getTime() <= at && at <= (to_at?.getTime() ?? at),
    );
  };
  let missing = 0;
  let twice = 0;
  const unexplained: string[] = [];
  for (const { id, point, numbers, rows: stored } of rows) {
    const there = new Set(numbers);
    twice += stored - there.size;
    for (const number of made) {
      if (there.has(number)) continue;
      missing++;
      if (!explained(id, number)) unexplained.push(`${point} ${number}`);
    }
  }
  return {
    made: made.length,
    items: rows.length,
    missing,
    unexplained: unexplained.length,
    examples: unexplained.slice(0, 10),
    twice,
  };
}
