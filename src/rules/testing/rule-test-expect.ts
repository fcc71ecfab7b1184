import type { Effect } from '../kernel/effect.ts';
import type { Inspection } from '../kernel/evaluation.ts';
import { findDurationMs } from '../language/durations.ts';
import type { ExpectFile } from '../language/rule-file.ts';

/** What was wrong with a case, and the tick to show for it in milliseconds from the start of the series. */
export type Failure = { message: string; at: number | null };

/** One tick of a rule, relative to the start of the series. */
export type TraceTick = Inspection & {
  at: number;
  state: string;
  effects: string[];
  bySuppressor: string | null;
  isStale: boolean;
};

/** One run of a case: the ticks of each rule by its id, and all effects. */
export type CaseRun = { fromMs: number; timeScale: number; traces: Map<string, TraceTick[]>; effects: Effect[] };

/** Where a run misses an expectation; one that names no rule is about `ruleId`. */
export function checkExpectation(expected: ExpectFile, run: CaseRun, ruleId: string): Failure[] {
  const about = expected.rule ?? ruleId;
  const own = run.effects.filter((effect) => effect.ruleId === about);
  const failures: Failure[] = [];
  const counts = { insights: 'opened', episodes: 'opened reopened', work_orders: 'work-order-due' } as const;
  for (const [key, kinds] of Object.entries(counts)) {
    const wanted = expected[key as keyof typeof counts];
    const found = own.filter(({ kind }) => kinds.split(' ').includes(kind)).length;
    if (wanted !== undefined && found !== wanted)
      failures.push({
        message: `expected ${wanted} ${key}, found ${found}`,
        at: own[0] ? own[0].at - run.fromMs : null,
      });
  }
  if (expected.at === undefined) return failures;
  const at = (findDurationMs(String(expected.at)) as number) / run.timeScale;
  const tick = run.traces.get(about)?.find((one) => one.at === at);
  if (!tick)
    return [...failures, { message: `at: ${expected.at} is beyond the series or between two ticks`, at: null }];
  const where = `at ${expected.at}${expected.rule ? ` of ${expected.rule}` : ''}`;
  const compare = (what: string, wanted: unknown, found: unknown) => {
    if (wanted !== undefined && wanted !== found)
      failures.push({ message: `${where}: expected ${what} ${wanted}, found ${found}`, at });
  };
  compare('state', expected.state, tick.state);
  compare('suppressed_by', expected.suppressed_by, tick.bySuppressor);
  compare('stale', expected.stale, tick.isStale);
  failures.push(
    ...checkMessage(expected.message, own, at + run.fromMs).map((message) => ({
      message: `${where}: ${message}`,
      at,
    })),
  );
  return failures;
}

function checkMessage(expected: string | undefined, effects: Effect[], at: number): string[] {
  if (expected === undefined) return [];
  const opened = effects
    .filter((effect) => (effect.kind === 'opened' || effect.kind === 'reopened') && effect.at <= at)
    .at(-1);
  const found = opened && 'message' in opened ? opened.message : 'no message';
  const part = /^~\s*"?(.*?)"?$/.exec(expected)?.[1];
  const agrees = part === undefined ? found === expected : found.includes(part);
  return agrees ? [] : [`expected the message ${expected}, found "${found}"`];
}
