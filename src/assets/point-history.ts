/**
 * What a change of a point means for the readings that it has, which only the person who makes it can know.
 *
 *   relabel   the numbers are right, and the unit (or what a state was called) was not
 *   convert   the numbers are changed with the unit, or with the number of each state
 */
import type { Db } from '../platform/database.ts';
import { parseInstant } from '../platform/instant.ts';
import { refusals } from '../platform/refusals.ts';
import type { HeldPoint, PointChange } from './point.ts';
import type { LockedPoint } from './point-change-store.ts';
import { type Conversion, findConversion, findUnit } from './units.ts';

/** How a reading's number becomes another one: by its unit, or one by one. */
export type NumberChange =
  | { readonly kind: 'unit'; readonly conversion: Conversion }
  | { readonly kind: 'numbers'; readonly numbers: ReadonlyMap<number, number> };

export type HistoryRecord = { readonly request: object; readonly reason: string; readonly author: string };

/** What the stage of telemetry does with the readings of a point, in the caller's transaction. */
export type PointHistory = {
  hasReadings(trx: Db, seriesId: number): Promise<boolean>;
  /** Changes the readings before an instant, or all. Throws correction_too_large and validation_failed. */
  convert(
    trx: Db,
    point: HeldPoint,
    how: { readonly change: NumberChange; readonly beforeMs: number | null; readonly record: HistoryRecord },
  ): Promise<void>;
  /** Only puts on record that the meaning of the readings has changed. */
  relabel(trx: Db, point: HeldPoint, record: HistoryRecord): Promise<void>;
};

/** What is to be done with the readings that are there before a change of their point. */
export type HistoryPlan =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'relabel'; readonly what: string }
  | {
      readonly kind: 'convert';
      readonly what: string;
      readonly change: NumberChange;
      readonly beforeMs: number | null;
    };

/**
 * What a change means for readings, if there are any. Throws history_undecided where only its author can tell and does not,
 * and validation_failed for what cannot be.
 */
export function planHistory(point: LockedPoint, body: PointChange): HistoryPlan {
  const beforeMs = beforeOf(point, body);
  const changed = [unitChange(point, body), stateChange(point, body)].filter((one) => one !== undefined);
  const [first, second] = changed;
  if (!first) return { kind: 'nothing' };
  if (second && body.history === 'convert')
    throw refusals.invalidBody('/history', 'conflict', 'converts by one thing at a time: change the unit first');
  const { pointer, what, isNaming, convert } = changed.find((one) => !one.isNaming) ?? first;
  switch (body.history) {
    case undefined:
      if (isNaming) return { kind: 'relabel', what };
      throw refusals.historyUndecided(
        pointer,
        `the point has readings: give history, either relabel (their numbers stay; ${what}) or convert (their numbers change with it)`,
      );
    case 'relabel':
      return { kind: 'relabel', what };
    case 'convert':
      return { kind: 'convert', what, change: convert(), beforeMs };
  }
}

function beforeOf(point: LockedPoint, { history, history_before: before }: PointChange): number | null {
  if (before === undefined) return null;
  const ms = parseInstant(before, point.timeZone)?.getTime();
  if (ms === undefined) throw refusals.invalidBody('/history_before', 'invalid', 'must be an instant (ISO 8601)');
  if (history !== 'convert')
    throw refusals.invalidBody('/history_before', 'conflict', 'goes with history: convert, and with nothing else');
  return ms;
}

type Meaning = {
  readonly pointer: string;
  readonly what: string;
  /** It says what was not said before, and contradicts nothing. */
  readonly isNaming: boolean;
  readonly convert: () => NumberChange;
};

function unitChange({ unit: from }: LockedPoint, { unit: to }: PointChange): Meaning | undefined {
  if (to === undefined || from === to) return undefined;
  const [old, now] = [from === null ? undefined : findUnit(from), to === null ? undefined : findUnit(to)];
  if (old && now && old.id === now.id) return undefined;
  const what = `the unit was ${from ?? 'not known'} and is ${to ?? 'not known'}`;
  const convert = (): NumberChange => {
    const conversion = old && now && findConversion(old, now);
    if (!conversion) throw refusals.invalidBody('/history', 'conflict', `cannot convert: ${what}`);
    return { kind: 'unit', conversion };
  };
  return { pointer: '/unit', what, isNaming: from === null, convert };
}

function stateChange({ states: from }: LockedPoint, { states: to }: PointChange): Meaning | undefined {
  if (to === undefined || from === null) return undefined;
  const lost = Object.entries(from).filter(([text, number]) => to?.[text] !== number);
  if (lost.length === 0) return undefined;
  const names = lost.map(([text]) => text);
  const what = `of its states ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''} had other numbers`;
  const convert = (): NumberChange => ({ kind: 'numbers', numbers: renumber(from, to ?? {}) });
  return { pointer: '/states', what, isNaming: false, convert };
}

/** From the old number of each state to its new one. Throws validation_failed where that is not one number. */
function renumber(from: Readonly<Record<string, number>>, to: Readonly<Record<string, number>>): Map<number, number> {
  const numbers = new Map<number, number>();
  for (const [text, number] of Object.entries(from)) {
    const now = to[text];
    if (now === undefined)
      throw refusals.invalidBody('/states', 'required', `must say what becomes of ${text}, to convert readings by it`);
    if ((numbers.get(number) ?? now) !== now)
      throw refusals.invalidBody('/states', 'conflict', `gives the readings of ${number} two numbers, by ${text}`);
    numbers.set(number, now);
  }
  return numbers;
}
