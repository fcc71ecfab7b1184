/** The thread of one dry run: plans on the first message, runs on the second, and is ended by whoever started it. */
import { parentPort } from 'node:worker_threads';
import {
  type DryRunOutcome,
  type DryRunPlan,
  type DryRunProblem,
  type DryRunRequest,
  planDryRun,
} from '../../rules/back-test/dry-run.ts';
import type { SeriesOptions } from '../../rules/back-test/watched-series.ts';
import type { PointColumn } from '../../telemetry/point-column.ts';

export type DryRunOrder = {
  /** The readings of each point, in pieces that follow each other. */
  readonly pieces: ReadonlyMap<string, readonly PointColumn[]>;
  readonly fromMs: number;
  readonly toMs: number;
  readonly options: SeriesOptions;
};

export type DryRunReply =
  | { readonly kind: 'problems'; readonly problems: readonly DryRunProblem[] }
  | { readonly kind: 'plan'; readonly plan: DryRunPlan }
  | { readonly kind: 'outcome'; readonly outcome: DryRunOutcome };

const port = parentPort;
if (port) {
  const reply = (message: DryRunReply) => port.postMessage(message);
  port.once('message', (request: DryRunRequest) => {
    const planned = planDryRun(request);
    if ('problems' in planned) {
      reply({ kind: 'problems', problems: planned.problems });
      return;
    }
    port.once('message', ({ pieces, fromMs, toMs, options }: DryRunOrder) => {
      const columns = new Map([...pieces].map(([point, parts]) => [point, join(parts)]));
      reply({ kind: 'outcome', outcome: planned.run({ columns, fromMs, toMs }, options) });
    });
    reply({ kind: 'plan', plan: planned.plan });
  });
}

function join(parts: readonly PointColumn[]): PointColumn {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const length = parts.reduce((sum, { times }) => sum + times.length, 0);
  const whole = { times: new Float64Array(length), values: new Float64Array(length) };
  let at = 0;
  for (const { times, values } of parts) {
    whole.times.set(times, at);
    whole.values.set(values, at);
    at += times.length;
  }
  return whole;
}
