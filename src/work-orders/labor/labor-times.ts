import { parseInstant } from '../../platform/instant.ts';
import { refusals } from '../../platform/refusals.ts';
import { minutesMax } from './labor-entry.ts';

/** When somebody worked; minutes are whole. */
export type LaborTimes = { readonly started_at: Date; readonly ended_at: Date; readonly minutes: number };

type Given = {
  readonly started_at?: string | undefined;
  readonly ended_at?: string | undefined;
  readonly minutes?: number | undefined;
};

/** Clocks of telephones differ from ours by so much. */
const aheadMsMax = 300_000;
const minuteMs = 60_000;

/**
 * The times of an entry: two of start, end and minutes make the third, and minutes alone ended at `at`. Texts without a zone are
 * read in `timeZone`. Throws validation_failed for times that are missing, contradict each other, or lie in the future.
 */
export function timesOf(given: Given, { timeZone, at }: { timeZone: string; at: Date }): LaborTimes {
  const { minutes } = given;
  const start = instantOf(given.started_at, timeZone);
  const end = instantOf(given.ended_at, timeZone);
  if (minutes === undefined && start === undefined)
    throw refusals.invalidBody('/minutes', 'required', 'is required, or started_at and ended_at are');
  if (minutes === undefined && end === undefined)
    throw refusals.invalidBody('/ended_at', 'required', 'is required, or minutes are');
  const lengthMs = (minutes ?? 0) * minuteMs;
  const ended_at = end ?? (start ? new Date(start.getTime() + lengthMs) : at);
  const started_at = start ?? new Date(ended_at.getTime() - lengthMs);
  return checked({ started_at, ended_at, minutes }, at);
}

/** The whole minutes between two instants, the nearest number of them. */
export function minutesBetween(start: Date, end: Date): number {
  return Math.round((end.getTime() - start.getTime()) / minuteMs);
}

type Unchecked = { readonly started_at: Date; readonly ended_at: Date; readonly minutes: number | undefined };

function checked({ started_at, ended_at, minutes }: Unchecked, at: Date): LaborTimes {
  if (ended_at < started_at) throw refusals.invalidBody('/ended_at', 'conflict', 'is before started_at');
  if (ended_at.getTime() > at.getTime() + aheadMsMax)
    throw refusals.invalidBody('/ended_at', 'conflict', 'lies in the future');
  const length = minutesBetween(started_at, ended_at);
  if (minutes !== undefined && minutes !== length)
    throw refusals.invalidBody('/minutes', 'conflict', `from started_at to ended_at there are ${length}`);
  if (length > minutesMax)
    throw refusals.invalidBody('/ended_at', 'conflict', `is more than ${minutesMax} minutes later`);
  return { started_at, ended_at, minutes: length };
}

function instantOf(text: string | undefined, timeZone: string): Date | undefined {
  return text === undefined ? undefined : parseInstant(text, timeZone);
}
