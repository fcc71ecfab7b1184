/** Readings follow a change of their point's unit or states; see src/assets/point-history.ts for what is asked. */
import type { NumberChange, PointHistory } from '../../assets/point-history.ts';
import { refusals } from '../../platform/refusals.ts';
import { applyEdits, refuseTooMany } from './correct.ts';
import { correctedReadingsMax } from './correction.ts';
import { converted, editRows } from './correction-edits.ts';
import { hasReadings, insertCorrection, readSpan } from './correction-store.ts';
import { convertRollups, findUnkeptBefore, hasRollupsBefore, isReceiving } from './series-store.ts';

/** What points do with their readings; all of it in the caller's transaction. */
export const pointHistory: PointHistory = {
  hasReadings,
  relabel: async (trx, { tenantId, pointId }, record) => {
    await insertCorrection(trx, { tenantId, pointId, action: 'relabel', ...record }, []);
  },
  convert: async (trx, point, { change, beforeMs, record }) => {
    const { pointId, seriesId } = point;
    if (await isReceiving(trx, { pointId, andRollups: true })) throw refusals.mergeUnderWay(pointId);
    const unkeptMs = await findUnkeptBefore(trx, [seriesId]);
    const rolledMs = unkeptMs === null ? null : Math.min(unkeptMs, beforeMs ?? unkeptMs);
    if (rolledMs !== null) {
      if (change.kind === 'unit') await convertRollups(trx, { seriesId, beforeMs: rolledMs, ...change });
      else if (await hasRollupsBefore(trx, { seriesId, beforeMs: rolledMs }))
        throw refusals.invalidBody(
          '/history',
          'conflict',
          'cannot convert states: of the oldest readings only roll-ups are kept, which do not tell them apart; relabel',
        );
    }
    const rows = await readSpan(trx, { seriesId, startMs: unkeptMs, endMs: beforeMs, limit: correctedReadingsMax + 1 });
    refuseTooMany(rows);
    const edits = editRows(rows, { value: valueChange(change) });
    await applyEdits(trx, point, { edits, record: { action: 'convert', ...record } });
  },
};

function valueChange(change: NumberChange): (value: number | null) => number | null {
  switch (change.kind) {
    case 'unit':
      return converted(change.conversion);
    case 'numbers':
      return (value) => (value === null ? null : (change.numbers.get(value) ?? value));
  }
}
