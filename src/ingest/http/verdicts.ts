/**
 * The verdicts of a stream of rows, on their way to a client that may not read them before it has sent all its rows. Waiting
 * for such a client would wait for ever, so they are kept, a byte a row, and written out as lines when it reads.
 *
 *   add(verdicts) ──▶ one byte a row, and the details of some ──read()──▶ {"row":0,"verdict":"stored"} …
 *   end(summary)  ──▶ {"summary":{"received":…}}        fail(error) ──▶ {"error":…}, and the connection is cut
 */
import { Readable } from 'node:stream';
import type { Verdict } from './judge-rows.ts';

export type Counts = { received: number; stored: number; duplicates: number; conflicts: number; refused: number };

export type VerdictStream = {
  /** Lines of JSON, from the first verdict on. */
  readonly stream: Readable;
  add(verdicts: readonly Verdict[]): void;
  /** Whether so many verdicts wait for the client that it must read some before it may send more. */
  isFull(): boolean;
  /** Resolves once it is no longer full, or nobody reads any more. */
  room(): Promise<void>;
  end(summary: Counts): void;
  /** Tells what happened, and then ends the connection without an end of the body, so that nobody takes it for a whole one. */
  fail(error: { readonly error: string; readonly detail: string }): void;
};

const pendingMax = 16_000_000;
const detailsMax = 10_000;
const linesAtOnceMax = 500;

/** Counts that are all zero. */
export function noCounts(): Counts {
  return { received: 0, stored: 0, duplicates: 0, conflicts: 0, refused: 0 };
}

/** Counts verdicts in. */
export function countIn(counts: Counts, verdicts: readonly Verdict[]): void {
  counts.received += verdicts.length;
  for (const { verdict } of verdicts) counts[countOf[verdict]]++;
}

const countOf = { stored: 'stored', duplicate: 'duplicates', conflict: 'conflicts', refused: 'refused' } as const;

/** A stream without verdicts yet. */
export function createVerdictStream(): VerdictStream {
  const waiting = createWaiting();
  let last: { readonly line: string; readonly error: Error | undefined } | undefined;
  let isAsked = false;
  let wake = () => {};

  const write = () => {
    while (isAsked && waiting.count() > 0) isAsked = stream.push(waiting.take());
    if (waiting.count() < pendingMax / 2) wake();
    if (!isAsked || last === undefined) return;
    const { line, error } = last;
    last = undefined;
    stream.push(line);
    if (error) setTimeout(() => stream.destroy(error), lastLineMs).unref();
    else stream.push(null);
  };
  const stream = new Readable({
    read: () => {
      isAsked = true;
      write();
    },
    destroy: (cause, done) => {
      wake();
      done(cause);
    },
  });

  return {
    stream,
    add: (verdicts) => {
      for (const verdict of verdicts) waiting.add(verdict);
      write();
    },
    isFull: () => waiting.count() >= pendingMax && !stream.destroyed,
    room: () =>
      new Promise((resolve) => {
        wake = resolve;
        write();
      }),
    end: (summary) => {
      last = { line: `${JSON.stringify({ summary })}\n`, error: undefined };
      write();
    },
    fail: (told) => {
      last = { line: `${JSON.stringify(told)}\n`, error: new Error(told.detail) };
      write();
    },
  };
}

/** Verdicts that nobody has read yet: of each a byte, and of some refusals their details. */
function createWaiting() {
  /** What a byte stands for: a verdict, or the reason of a refusal; reasons are few. */
  const names: string[] = [...accepted];
  const details = new Map<number, string>();
  let blocks: Uint8Array[] = [];
  let added = 0;
  let taken = 0;

  const code = (name: string): number => {
    const known = names.indexOf(name);
    return known < 0 ? names.push(name) - 1 : known;
  };
  const lineOf = (row: number): string => {
    const at = row % blockRows;
    const name = names[(blocks[0] as Uint8Array)[at] as number] as string;
    if (at === blockRows - 1) blocks = blocks.slice(1);
    if (accepted.includes(name)) return `{"row":${row},"verdict":"${name}"}\n`;
    const detail = details.get(row) ?? tooManyDetails;
    details.delete(row);
    return `${JSON.stringify({ row, verdict: 'refused', reason: name, detail })}\n`;
  };

  return {
    count: () => added - taken,
    add: (verdict: Verdict): void => {
      const at = added % blockRows;
      if (at === 0) blocks.push(new Uint8Array(blockRows));
      (blocks.at(-1) as Uint8Array)[at] = code(verdict.verdict === 'refused' ? verdict.reason : verdict.verdict);
      if (verdict.verdict === 'refused' && details.size < detailsMax) details.set(added, verdict.detail);
      added++;
    },
    /** The lines of the first, which wait no longer. */
    take: (): string => {
      let lines = '';
      for (const end = Math.min(taken + linesAtOnceMax, added); taken < end; taken++) lines += lineOf(taken);
      return lines;
    },
  };
}

const accepted: readonly string[] = ['stored', 'duplicate', 'conflict'];
const tooManyDetails = 'too many rows were refused at once to keep the details of all';
const blockRows = 65_536;
/** So long the last line has to leave before the connection is cut behind it. */
const lastLineMs = 100;
