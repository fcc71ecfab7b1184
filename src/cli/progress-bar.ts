/**
 * How far a long command has come, on the standard error: one line that is written over in a terminal, and now and then a line of
 * its own where nobody watches.
 *
 *   [############············]  50 %  1,200,000 rows  31,000 rows/s  0:38 left
 */
export type ProgressBar = {
  show(at: Progress): void;
  /** Leaves the line as it stands. */
  end(): void;
};

export type Progress = { readonly done: number; readonly total: number; readonly rows: number };

type Output = { readonly isTTY?: boolean; write(text: string): unknown };

const width = 24;
const redrawMs = 100;
const plainMs = 10_000;

/** A bar that begins now. */
export function createProgressBar(
  output: Output = process.stderr,
  now: () => number = () => performance.now(),
): ProgressBar {
  const startedAt = now();
  const isTerminal = output.isTTY === true;
  let shownAt = Number.NEGATIVE_INFINITY;
  let lengthMax = 0;
  return {
    show: (at) => {
      const atMs = now();
      const isLast = at.done >= at.total;
      if (atMs - shownAt < (isTerminal ? redrawMs : plainMs) && !isLast) return;
      shownAt = atMs;
      const line = formatProgress(at, { elapsedMs: atMs - startedAt, isTerminal });
      lengthMax = Math.max(lengthMax, line.length);
      output.write(isTerminal ? `\r${line.padEnd(lengthMax)}` : `${line}\n`);
    },
    end: () => {
      if (isTerminal && lengthMax > 0) output.write('\n');
    },
  };
}

/** One line: percent, rows, rows a second so far, and how long the rest takes at this pace. */
export function formatProgress(
  { done, total, rows }: Progress,
  { elapsedMs, isTerminal }: { elapsedMs: number; isTerminal: boolean },
): string {
  const part = total === 0 ? 1 : Math.min(1, done / total);
  const filled = Math.floor(part * width);
  const bar = isTerminal ? `[${'#'.repeat(filled)}${'·'.repeat(width - filled)}] ` : '';
  const seconds = Math.max(elapsedMs, 1) / 1_000;
  const leftSeconds = part > 0 ? Math.ceil((seconds / part) * (1 - part)) : undefined;
  const left = leftSeconds === undefined ? '' : `  ${formatSeconds(leftSeconds)} left`;
  const percent = `${Math.floor(part * 100)}`.padStart(3);
  return `${bar}${percent} %  ${formatNumber(rows)} rows  ${formatNumber(Math.round(rows / seconds))} rows/s${left}`;
}

/** 1,234,567 */
export function formatNumber(value: number): string {
  return value.toLocaleString('en-US');
}

function formatSeconds(seconds: number): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
