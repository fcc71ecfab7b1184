import type { Db } from '../../platform/database.ts';
import type { EngineKind } from './engine-store.ts';
import { listPieces } from './piece-store.ts';
import { type TimeTable, timeTables } from './time-table.ts';

/** How much of telemetry a database holds, in one table. */
export type TableStatistics = {
  readonly table: TimeTable;
  readonly pieces: number;
  /** Compressed chunks, or partitions in the order of their points. */
  readonly closed: number;
  /** About; pieces that nobody has analyzed yet are not in it. */
  readonly rows: number;
  /** With indexes. */
  readonly bytes: number;
  /** The span of its pieces, in milliseconds since the epoch; null where there are none. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
};

/** What the tables of telemetry hold, from the catalogue: no rows are read. */
export async function measureTables(db: Db, kind: EngineKind): Promise<TableStatistics[]> {
  const statistics: TableStatistics[] = [];
  for (const table of timeTables) {
    const pieces = await listPieces(db, kind, table);
    statistics.push({
      table,
      pieces: pieces.length,
      closed: pieces.filter(({ state }) => state !== 'plain').length,
      rows: pieces.reduce((sum, { rows }) => sum + (rows ?? 0), 0),
      bytes: pieces.reduce((sum, { bytes }) => sum + bytes, 0),
      fromMs: pieces[0]?.fromMs ?? null,
      toMs: pieces.at(-1)?.toMs ?? null,
    });
  }
  return statistics;
}
