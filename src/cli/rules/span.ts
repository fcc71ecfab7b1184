import { formatInstant, parseInstant, startOfDate } from '../../platform/instant.ts';
import { required, UsageError } from './options.ts';

/**
 * The span that --from and --to name, in epoch milliseconds. A date is its local midnight; what names no zone is read in the
 * one of the sites, if they share one. Throws UsageError for what is neither.
 */
export function readSpan(
  options: { from?: string; to?: string },
  timeZones: readonly string[],
): { fromMs: number; toMs: number } {
  const zones = [...new Set(timeZones)];
  const [fromMs, toMs] = [readInstant('from', options.from, zones), readInstant('to', options.to, zones)];
  if (toMs <= fromMs) throw new UsageError('--to must be after --from');
  return { fromMs, toMs };
}

/** The part of a span whose ticks are over; tells on the standard error where that is not all of it. Throws UsageError where it is none. */
export function cutAt<Span extends { fromMs: number; toMs: number }>(span: Span, closedMs: number): Span {
  if (span.fromMs >= closedMs) throw new UsageError('--from is in the future');
  if (span.toMs <= closedMs) return span;
  const toMs = Math.floor(closedMs / 1000) * 1000;
  process.stderr.write(`--to is in the future: this looks as far as ${formatInstant(new Date(toMs))}\n`);
  return { ...span, toMs };
}

function readInstant(name: string, given: string | undefined, zones: readonly string[]): number {
  const text = required(name, given);
  const isLocal = !/(?:Z|[+-]\d{2}:?\d{2})$/i.test(text);
  if (isLocal && zones.length > 1) {
    const places = zones.join(', ');
    throw new UsageError(`--${name} ${text} needs a zone, as in 2026-01-05T00:00:00Z: the sites are in ${places}`);
  }
  const zone = zones[0] ?? 'UTC';
  const at = startOfDate(text, zone) ?? parseInstant(text, zone);
  if (!at) {
    throw new UsageError(`--${name} ${text} is neither a date (2026-01-05) nor an instant (2026-01-05T06:00:00Z)`);
  }
  return at.getTime();
}
