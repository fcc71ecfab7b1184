import type { Pass, Rule } from '../language/rule.ts';
import { threw } from '../language/truth.ts';
import { compileJudge, type JudgeInput } from './compile-judge.ts';
import type { Holds } from './hold-offs.ts';
import type { InputTable } from './input-table.ts';
import type { PointMemory } from './point-memory.ts';
import type { GroupVariant, RuleGroup } from './rule-group.ts';
import { meanOf } from './window-memory.ts';
import type { WindowReader } from './window-reader.ts';

/** What a group has for it; `variants` are those of each row. */
type Parts = Pick<RuleGroup, 'scratch' | 'variantAt'> & {
  inputs: InputTable;
  points: PointMemory;
  windows: WindowReader;
  holds: Holds | null;
  variants: readonly (readonly GroupVariant[])[];
};

/** Judges all rows of a group at a tick by the rule's generated loop, and goes on behind a row for which the rule throws. */
export function createJudge(rule: Rule, parts: Parts): RuleGroup['judge'] {
  const { variants, variantAt, windows } = parts;
  const changing = variants.flatMap((own, row) => (own.length > 1 ? row : []));
  const run = compileJudge(rule);
  const input = inputOf(rule, parts);
  const { rows, conditions } = input;
  return (tMs) => {
    for (const row of changing) input.params[row] = variantAt(row, tMs).params;
    input.t = tMs;
    input.indexes = windows.indexesAt(tMs);
    for (input.from = 0; input.from < rows; ) {
      try {
        run(input);
        break;
      } catch {
        // It throws again when the row is evaluated, and is told of there.
        const row = input.at[0] as number;
        conditions[row] = threw;
        input.from = row + 1;
      }
    }
    return conditions;
  };
}

function inputOf(rule: Rule, { inputs, points, windows, holds, scratch, variants }: Parts): JudgeInput {
  const { memory, rowLength, starts, fed } = windows.rings;
  const input: JudgeInput = {
    t: 0,
    from: 0,
    rows: variants.length,
    at: new Float64Array(1),
    conditions: new Uint8Array(variants.length),
    table: inputs,
    times: points.times,
    pointValues: points.values,
    v: scratch.values,
    w: scratch.windows,
    o: fed,
    params: variants.map(([first]) => (first as GroupVariant).params),
    computes: rule.passes.flatMap((pass) => pass.derived.map(({ compute }) => compute)),
    feeds: rule.passes.map(({ feed }) => feed),
    memory,
    rowLength,
    starts,
    indexes: windows.indexesAt(0),
    readPass: (pass, row) =>
      windows.read(rule.passes[pass] as Pass, row, input.t, scratch.values, input.params[row] as Float64Array),
    when: rule.when,
    mean: meanOf,
    watched: holds?.watched ?? [],
    known: holds?.known ?? scratch.params,
    knownAt: holds?.knownAt ?? scratch.params,
    forMs: holds?.forMs ?? 0,
    onChange: (tMs, row) => {
      if (holds) holds.changedAt[row] = tMs;
    },
  };
  return input;
}
