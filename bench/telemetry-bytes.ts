/** How many bytes of disk a reading takes, index included: on a closed day of its own, before and after it is compressed. */
import { compressPiece } from '../src/telemetry/storage/compress-store.ts';
import { listPieces, type Piece } from '../src/telemetry/storage/piece-store.ts';
import type { BenchDatabase, BenchPoint } from './telemetry-database.ts';
import { dayMs, fill, type Look, minuteMs } from './telemetry-fill.ts';

export type BytesResult = {
  readonly look: Look;
  readonly rows: number;
  readonly rawBytes: number;
  /** Null where the engine does not compress. */
  readonly compressedBytes: number | null;
};

/** Fills the day with a reading a minute of each point, and measures the piece of the table that holds it. */
export async function measureBytes(
  bench: BenchDatabase,
  { points, dayStartMs, look }: { points: readonly BenchPoint[]; dayStartMs: number; look: Look },
): Promise<BytesResult> {
  const { database, engine } = bench;
  await fill(bench, { points, fromMs: dayStartMs, toMs: dayStartMs + dayMs, everyMs: minuteMs, look });
  const rows = (points.length * dayMs) / minuteMs;
  const before = await getPiece(bench, dayStartMs);
  if (engine.kind === 'partitions') return { look, rows, rawBytes: before.bytes / rows, compressedBytes: null };
  await compressPiece(database.db, before, AbortSignal.timeout(600_000));
  const after = await getPiece(bench, dayStartMs);
  return { look, rows, rawBytes: before.bytes / rows, compressedBytes: after.bytes / rows };
}

async function getPiece({ database, engine }: BenchDatabase, dayStartMs: number): Promise<Piece> {
  const pieces = await listPieces(database.db, engine.kind, 'reading');
  const found = pieces.find(({ fromMs, toMs }) => fromMs <= dayStartMs && dayStartMs < toMs);
  if (!found) throw new Error(`no piece of the table holds ${new Date(dayStartMs).toISOString()}`);
  if (found.toMs - found.fromMs > dayMs) throw new Error(`${found.name} holds more than that day`);
  return found;
}
