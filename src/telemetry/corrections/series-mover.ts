/** Readings of a point that turned out to be another move to it; see src/assets/merge/point-merge.ts. */
import type { Conflicts, SeriesMover } from '../../assets/merge/point-merge.ts';
import { noteTouched } from '../rollups/rollup-touched-store.ts';
import { runsOf } from './correct.ts';
import { converted, type Row } from './correction-edits.ts';
import { noteForRules, readAt } from './correction-store.ts';
import { addRows, deleteRows, findUnkeptBefore, moveRollups, readNewest } from './series-store.ts';

/** Moves readings with what belongs to them: roll-ups of both points follow, and so do the rules of both assets. */
export const seriesMover: SeriesMover = {
  moveReadings: async (trx, { source, target, conversion }, limit) => {
    const old = await readNewest(trx, { seriesId: source.seriesId, limit });
    if (old.length === 0)
      return { taken: 0, moved: 0, duplicates: 0, conflicts: { timesMs: [], kept: [], dropped: [] } };
    const change = conversion && converted(conversion);
    const rows = change ? old.map((row) => ({ ...row, value: change(row.value) })) : old;
    const met = await addRows(trx, { seriesId: target.seriesId, rows });
    const there = await readAt(trx, { seriesId: target.seriesId, timesMs: [...met] });
    await deleteRows(trx, { seriesId: source.seriesId, rows: old });
    const timesMs = rows.map(({ timeMs }) => timeMs);
    const spans = runsOf(timesMs).flatMap((run) => [source, target].map(({ seriesId }) => ({ seriesId, ...run })));
    await noteTouched(trx, spans);
    for (const { assetId, shard } of source.assetId === target.assetId ? [target] : [source, target])
      await noteForRules(trx, { assetId, shard, timesMs });
    const conflicts = conflictsOf(
      rows.filter(({ timeMs }) => met.has(timeMs)),
      there,
    );
    const duplicates = met.size - conflicts.timesMs.length;
    return { taken: old.length, moved: rows.length - met.size, duplicates, conflicts };
  },
  moveRollups: async (trx, { source, target, conversion }, limit) => {
    const beforeMs = await findUnkeptBefore(trx, [source.seriesId, target.seriesId]);
    if (beforeMs === null) return { taken: 0, moved: 0 };
    const [fromSeriesId, toSeriesId] = [source.seriesId, target.seriesId];
    return moveRollups(trx, { fromSeriesId, toSeriesId, conversion, beforeMs, limit });
  },
};

function conflictsOf(rows: readonly Row[], there: readonly Row[]): Conflicts {
  const keptAt = new Map(there.map((row) => [row.timeMs, row]));
  const differing = rows.flatMap((row) => {
    const kept = keptAt.get(row.timeMs);
    return kept && (kept.value !== row.value || kept.quality !== row.quality) ? [{ kept, dropped: row }] : [];
  });
  return {
    timesMs: differing.map(({ kept }) => kept.timeMs),
    kept: differing.map(({ kept }) => kept),
    dropped: differing.map(({ dropped }) => dropped),
  };
}
