import { refusals } from '../../platform/refusals.ts';
import type { TaskKind, TaskValue } from './task.ts';

/** What a task asks for. */
export type Question = {
  readonly kind: TaskKind;
  readonly options: readonly string[];
  readonly min: number | null;
  readonly max: number | null;
};

/** Throws validation_failed for a question that nothing could answer, or with parts that another kind has. */
export function checkQuestion({ kind, options, min, max }: Question): void {
  const isNumber = kind === 'number' || kind === 'meter';
  if (kind === 'choice' && options.length < 2)
    throw refusals.invalidBody('/options', 'required', 'a choice has at least two');
  if (kind !== 'choice' && options.length > 0)
    throw refusals.invalidBody('/options', 'conflict', `the kind is ${kind}; choices have options`);
  if (!isNumber && (min !== null || max !== null))
    throw refusals.invalidBody(min === null ? '/max' : '/min', 'conflict', `the kind is ${kind}; numbers have bounds`);
  if (min !== null && max !== null && min > max) throw refusals.invalidBody('/max', 'conflict', 'is less than min');
}

/** Throws validation_failed for an answer that is none to the question. */
export function checkAnswer({ kind, options, min, max }: Question, value: TaskValue): void {
  const refuse = (message: string) => refusals.invalidBody('/value', 'invalid', message);
  switch (kind) {
    case 'check':
      if (typeof value !== 'boolean') throw refuse('must be true or false');
      return;
    case 'text':
      if (typeof value !== 'string' || value.length > textLengthMax)
        throw refuse(`must be a text of at most ${textLengthMax} characters`);
      return;
    case 'number':
    case 'meter':
      if (typeof value !== 'number') throw refuse('must be a number');
      if (min !== null && value < min) throw refuse(`must not be less than ${min}`);
      if (max !== null && value > max) throw refuse(`must not be greater than ${max}`);
      return;
    case 'choice':
      if (typeof value !== 'string' || !options.includes(value)) throw refuse('must be one of the options');
      return;
  }
}

const textLengthMax = 5_000;

/** Whether an answer settles its task: a check that is not ticked, or words that are blank, do not. */
export function isDone(value: TaskValue | null): boolean {
  if (typeof value === 'string') return /\S/.test(value);
  return value !== null && value !== false;
}
