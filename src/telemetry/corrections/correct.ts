/**
 * A correction, in one transaction: readings, roll-ups that are to follow, word for the rules, and the record of it.
 *
 *   point locked ─▶ readings as they are ─▶ edits ─┬─ dry run: told
 *                                                  └─▶ written ─▶ roll-ups and rules hear of it ─▶ on record
 *
 * The lock on the point makes corrections of it follow one another. Whatever else writes readings only adds some.
 */
import type { HeldPoint } from '../../assets/point.ts';
import type { Db } from '../../platform/database.ts';
import { formatInstant, parseInstant } from '../../platform/instant.ts';
import type { FieldError } from '../../platform/refusal.ts';
import { refusals } from '../../platform/refusals.ts';
import { instantForms, parseWhen } from '../query/query-instant.ts';
import { noteTouched } from '../rollups/rollup-touched-store.ts';
import { type CorrectionBody, type CorrectionPreview, correctedReadingsMax } from './correction.ts';
import {
  type Change,
  countEdits,
  type Edit,
  editOf,
  editRows,
  linear,
  type Row,
  revertEdits,
  showEdit,
} from './correction-edits.ts';
import {
  editsPerPart,
  findCorrection,
  insertCorrection,
  listEdits,
  type NewCorrection,
  noteForRules,
  readAt,
  readMilliseconds,
  readSpan,
  writeEdits,
} from './correction-store.ts';
import { listRecorded } from './recorded-store.ts';
import { findUnkeptBefore, isReceiving } from './series-store.ts';

type By = { readonly author: string; readonly at: Date };

const examplesMax = 20;

/**
 * Corrects readings of a point, or tells what that would change. Throws validation_failed for what is not said clearly,
 * merge_under_way, and correction_too_large.
 */
export async function correct(
  trx: Db,
  point: HeldPoint,
  { body, author, at }: By & { readonly body: CorrectionBody },
): Promise<{ preview: CorrectionPreview } | { id: string }> {
  const { matched, edits } = body.readings
    ? await editNamed(trx, point, body)
    : await editSpan(trx, point, { body, nowMs: at.getTime() });
  if (body.dry_run) return { preview: previewOf(matched, edits) };
  const { dry_run: _, reason, ...request } = body;
  const action = body.readings ? 'readings' : 'span';
  return { id: await applyEdits(trx, point, { edits, record: { action, request, reason, author } }) };
}

/**
 * Takes a correction back, where its readings still are what it left; later ones restore what it would have. What was before the days
 * that retention has dropped stays gone with them. Throws correction_not_found and correction_not_revertible.
 */
export async function revert(
  trx: Db,
  point: HeldPoint,
  { id, reason, author }: { readonly id: string; readonly reason: string; readonly author: string },
): Promise<string> {
  const correction = await findCorrection(trx, { tenantId: point.tenantId, id });
  if (!correction) throw refusals.correctionNotFound(id);
  if (correction.reverted_by !== null)
    throw refusals.correctionNotRevertible(`It was taken back already, by ${correction.reverted_by}.`);
  if (correction.action === 'convert' || correction.action === 'relabel')
    throw refusals.correctionNotRevertible('It came with a change of the point; change the point back instead.');
  const done = (await listEdits(trx, { id, limit: correctedReadingsMax })).map(({ edit }) => edit.timeMs);
  const unkeptMs = (await findUnkeptBefore(trx, [point.seriesId])) ?? Number.NEGATIVE_INFINITY;
  const kept = done.filter((timeMs) => timeMs >= unkeptMs);
  const edits: Edit[] = [];
  for (let at = 0; at < kept.length; at += editsPerPart) {
    const timesMs = kept.slice(at, at + editsPerPart);
    const rows = await readAt(trx, { seriesId: point.seriesId, timesMs });
    const present = new Map(rows.map(({ timeMs, ...row }) => [timeMs, row]));
    const past = await listRecorded(trx, { tenantId: point.tenantId, pointId: point.pointId, timesMs });
    for (const edit of revertEdits(past, { id, present })) edits.push(edit);
  }
  const request = { reverts: id, left: done.length - edits.length };
  return applyEdits(trx, point, { edits, record: { action: 'revert', request, reason, author, reverts: id } });
}

type Record = Omit<NewCorrection, 'tenantId' | 'pointId'>;

/** Writes edits with all that belongs to them; gives the id of the correction. */
export async function applyEdits(
  trx: Db,
  point: HeldPoint,
  { edits, record }: { readonly edits: readonly Edit[]; readonly record: Record },
): Promise<string> {
  const { tenantId, pointId, seriesId, assetId, shard } = point;
  await writeEdits(trx, { seriesId, edits });
  const timesMs = edits.map(({ timeMs }) => timeMs);
  await noteTouched(
    trx,
    runsOf(timesMs).map((run) => ({ seriesId, ...run })),
  );
  await noteForRules(trx, { assetId, shard, timesMs });
  return insertCorrection(trx, { tenantId, pointId, ...record }, edits);
}

const runGapMs = 3_600_000;

/** Times in order as stretches without an hour's gap: the roll-ups of what lies between two far readings stay. */
export function runsOf(timesMs: readonly number[]): { fromMs: number; throughMs: number }[] {
  const runs: { fromMs: number; throughMs: number }[] = [];
  for (const timeMs of timesMs) {
    const last = runs.at(-1);
    if (last && timeMs - last.throughMs <= runGapMs) last.throughMs = timeMs;
    else runs.push({ fromMs: timeMs, throughMs: timeMs });
  }
  return runs;
}

type Edited = { readonly matched: number; readonly edits: Edit[] };

async function editSpan(
  trx: Db,
  { pointId, seriesId, timeZone }: HeldPoint,
  { body, nowMs }: { body: CorrectionBody; nowMs: number },
): Promise<Edited> {
  const change = changeOf(body);
  const startMs = instantOf('start', body.start, { timeZone, nowMs });
  const endMs = instantOf('end', body.end, { timeZone, nowMs });
  if (endMs <= startMs) throw refusals.invalidBody('/end', 'conflict', 'must be after start');
  if (await isReceiving(trx, { pointId })) throw refusals.mergeUnderWay(pointId);
  const rows = await readSpan(trx, { seriesId, startMs, endMs, limit: correctedReadingsMax + 1 });
  refuseTooMany(rows);
  return { matched: rows.length, edits: editRows(rows, change) };
}

/** Throws correction_too_large, with how far the first of them reach. */
export function refuseTooMany(rows: readonly Row[]): void {
  if (rows.length <= correctedReadingsMax) return;
  const reach = formatInstant(new Date(rows[correctedReadingsMax]?.timeMs ?? 0));
  throw refusals.correctionTooLarge(
    `One request changes ${correctedReadingsMax} readings at most; these are more. The first ${correctedReadingsMax} of them end before ${reach}: do it in pieces.`,
  );
}

function instantOf(name: string, given: string | undefined, zone: { timeZone: string; nowMs: number }): number {
  if (given === undefined) throw refusals.invalidBody(`/${name}`, 'required', 'is required, unless readings are given');
  const ms = parseWhen(given, zone);
  if (ms === undefined) throw refusals.invalidBody(`/${name}`, 'invalid', instantForms);
  return ms;
}

/** What a span's readings become. Throws validation_failed where the body says nothing, or two things that exclude each other. */
function changeOf({ set, scale, offset, quality, remove }: CorrectionBody): Change {
  const isLinear = scale !== undefined || offset !== undefined;
  if (!remove && set === undefined && !isLinear && quality === undefined)
    throw refusals.invalidBody('', 'required', 'give set, scale, offset, quality or remove, or else readings');
  if (remove && (set !== undefined || isLinear || quality !== undefined))
    throw refusals.invalidBody('/remove', 'conflict', 'cannot stand beside set, scale, offset or quality');
  if (set !== undefined && isLinear)
    throw refusals.invalidBody('/set', 'conflict', 'cannot stand beside scale or offset');
  if (scale === 0) throw refusals.invalidBody('/scale', 'invalid', 'must not be 0: use set');
  if (remove) return { remove };
  return { value: set === undefined ? linear({ scale, offset }) : () => set, quality };
}

async function editNamed(trx: Db, { seriesId, timeZone }: HeldPoint, body: CorrectionBody): Promise<Edited> {
  const { readings = [], start, end, set, scale, offset, quality, remove } = body;
  if ([start, end, set, scale, offset, quality, remove].some((given) => given !== undefined))
    throw refusals.invalidBody('/readings', 'conflict', 'stands by itself: give each reading what it becomes');
  const errors: FieldError[] = [];
  const timesMs = readings.map((reading, i) => {
    const ms = parseInstant(reading.time, timeZone)?.getTime();
    if (ms === undefined) errors.push(fault(i, '/time', 'invalid', 'must be an instant (ISO 8601)'));
    const { value, quality: itsOwn, remove: gone } = reading;
    const isSaid = value !== undefined || itsOwn !== undefined;
    if (gone && isSaid) errors.push(fault(i, '/remove', 'conflict', 'cannot stand beside value or quality'));
    if (!gone && !isSaid) errors.push(fault(i, '', 'required', 'give value, quality or remove'));
    if (value === null && itsOwn !== undefined && itsOwn !== 'bad')
      errors.push(fault(i, '/quality', 'conflict', 'what is no number is of bad quality'));
    return ms ?? 0;
  });
  if (errors.length > 0) throw refusals.invalid(errors);
  const rows = Map.groupBy(await readMilliseconds(trx, { seriesId, timesMs: [...new Set(timesMs)] }), ({ timeMs }) =>
    Math.floor(timeMs),
  );
  const seen = new Set<number>();
  const edits = readings.flatMap((reading, i) => {
    const timeMs = timesMs[i] as number;
    const [row, ...others] = rows.get(timeMs) ?? [];
    const { value, quality: itsOwn, remove: gone } = reading;
    if (!row || others.length > 0 || seen.has(timeMs)) {
      errors.push(fault(i, '/time', ...whyNot({ isThere: row !== undefined, isTwice: seen.has(timeMs) })));
      return [];
    }
    seen.add(timeMs);
    const { timeMs: exactMs, ...before } = row;
    const change: Change = gone
      ? { remove: true }
      : { value: (now) => (value === undefined ? now : value), quality: itsOwn };
    return editOf({ timeMs: exactMs, before, change });
  });
  if (errors.length > 0) throw refusals.invalid(errors);
  return { matched: readings.length, edits: edits.toSorted((one, other) => one.timeMs - other.timeMs) };
}

function fault(index: number, below: string, code: string, message: string): FieldError {
  return { in: 'body', pointer: `/readings/${index}${below}`, code, message };
}

function whyNot({ isThere, isTwice }: { isThere: boolean; isTwice: boolean }): [string, string] {
  if (isTwice) return ['conflict', 'is given twice'];
  if (!isThere) return ['not_found', 'is not the time of a reading of this point'];
  return ['ambiguous', 'is the time of several readings, apart by microseconds: correct them as a span'];
}

function previewOf(matched: number, edits: readonly Edit[]): CorrectionPreview {
  const [first, last] = [edits[0], edits.at(-1)];
  return {
    matched,
    ...countEdits(edits),
    first_at: first ? formatInstant(new Date(first.timeMs)) : null,
    last_at: last ? formatInstant(new Date(last.timeMs)) : null,
    examples: edits.slice(0, examplesMax).map(showEdit),
  };
}
