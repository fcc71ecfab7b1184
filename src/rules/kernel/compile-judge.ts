/**
 * The conditions of one rule on all its assets at a tick, as one generated loop: what `RuleGroup.read` and then `rule.when` do row by
 * row, with the copying unrolled and the rule's own functions called from one place each, so that the engine can inline them.
 * Measured, it takes a third of the time. The source is built from numbers alone:
 *
 *   for each row   inputs ─▶ pass: derived, rings, means ─▶ hold-off ─▶ conditions[row]
 */

import { type NumberFunction, slotSource, type TruthFunction } from '../language/compile-expression.ts';
import type { Pass, Rule } from '../language/rule.ts';
import type { Memory } from './compile-loop.ts';
import { watchSource } from './hold-offs.ts';
import type { InputTable } from './input-table.ts';
import { isLong } from './window-blocks.ts';
import { leastUsable, type meanOf } from './window-memory.ts';

/** What the loop works on. `indexes` are the places of the tick in the rings, `starts` where these begin in a row's memory. */
export type JudgeInput = Memory & {
  t: number;
  from: number;
  rows: number;
  /** The row under way, for whoever catches what is thrown. */
  at: Float64Array;
  conditions: Uint8Array;
  table: InputTable;
  times: Float64Array;
  pointValues: Float64Array;
  v: Float64Array;
  w: Float64Array;
  o: Float64Array;
  /** The parameters of each row. */
  params: Float64Array[];
  computes: readonly NumberFunction[];
  feeds: readonly Pass['feed'][];
  memory: Float64Array;
  rowLength: number;
  starts: ArrayLike<number>;
  indexes: Int32Array;
  /** Reads a pass of a row in the general way. */
  readPass: (pass: number, row: number) => void;
  when: TruthFunction;
  mean: typeof meanOf;
};

export type Judge = (input: JudgeInput) => void;

/** The loop of a rule; compiled once. */
export function compileJudge(rule: Rule): Judge {
  const known = judges.get(rule) ?? (new Function('x', sourceOf(rule)) as Judge);
  judges.set(rule, known);
  return known;
}

const judges = new WeakMap<Rule, Judge>();

function sourceOf(rule: Rule): string {
  const { inputs, passes, holdOff } = rule;
  const watched = holdOff?.watch.length ?? 0;
  const lines = [
    '"use strict";const{t,rows,at,conditions,times,pointValues,v,w,o,params,memory,rowLength,readPass,when,mean}=x;',
    'const{source,way,scale,offset,steps,least,greatest,staleAfterMs}=x.table;',
    'const{watched,known,knownAt,forMs,onChange}=x;',
    ...passes.flatMap(({ derived }) => derived).map((_, i) => `const d${i}=x.computes[${i}];`),
    ...passes.map((_, i) => `const f${i}=x.feeds[${i}];`),
    ...rule.rings.map((_, i) => `const s${i}=x.starts[${i}],n${i}=x.indexes[${i}];`),
    ...Array.from({ length: watched }, (_, i) => `const h${i}=watched[${i}];`),
    `for(let row=x.from;row<rows;row++){at[0]=row;const p=params[row],c=row*${inputs.length},cell=row*${watched};`,
    `const b=row*rowLength;`,
    ...inputs.map((_, slot) => inputSource(slot)),
  ];
  let compute = 0;
  passes.forEach((pass, i) => {
    for (const { slot } of pass.derived)
      lines.push(`if(source[c+${slotSource(slot)}]===-2)v[${slotSource(slot)}]=d${compute++}(v,p,w);`);
    if (pass.windowEnd > pass.windowStart || pass.ringEnd > pass.ringStart)
      lines.push(isPlain(rule, pass) ? passSource(rule, pass, i) : `readPass(${i},row);`);
  });
  for (let i = 0; i < watched; i++)
    lines.push(watchSource(i, `h${i}(v,p,w)`, { known: `known[cell+${i}]`, knownAt: `knownAt[cell+${i}]` }));
  lines.push('conditions[row]=when(v,p,w);}');
  return lines.join('');
}

/** One input of the row, as `readInputs` and `convert` have it: -1 in `source` is a constant, -2 a derived value. */
function inputSource(slot: number): string {
  return `{const s=source[c+${slot}],q=way[c+${slot}];let y=NaN;if(s>=0){if(t-times[s]<=staleAfterMs[q]){y=pointValues[s]*scale[q]+offset[q];if(steps[q]!==0)y=Math.floor(y*steps[q]+0.5)/steps[q];if(!(y>=least[q]&&y<=greatest[q]))y=NaN;}}else if(s===-1)y=offset[q];v[${slot}]=y;}`;
}

/** Whether a pass has nothing but means over short rings of values. */
function isPlain({ rings, windows }: Rule, { ringStart, ringEnd, windowStart, windowEnd }: Pass): boolean {
  return (
    rings.slice(ringStart, ringEnd).every(({ extreme, ticks }) => extreme === 'none' && !isLong(ticks)) &&
    windows.slice(windowStart, windowEnd).every(({ name, ring }) => {
      const ticks = rings[ring]?.ticks ?? Number.POSITIVE_INFINITY;
      return (name === 'avg' || name === 'duty') && !isLong(ticks);
    })
  );
}

/** Rings and means of a pass, as `writeRing` and `readWindow` have them. */
function passSource({ rings, windows, minCover }: Rule, pass: Pass, index: number): string {
  const lines = [`f${index}(v,p,w,o);`];
  for (let ring = pass.ringStart; ring < pass.ringEnd; ring++) lines.push(`memory[b+s${ring}+n${ring}]=o[${ring}];`);
  for (let i = pass.windowStart; i < pass.windowEnd; i++) {
    const { ring, ticks } = windows[i] as Rule['windows'][number];
    const length = (rings[ring]?.ticks ?? 0) + 1;
    lines.push(`w[${i}]=mean(memory,b+s${ring},${length},n${ring},${ticks},${leastUsable(ticks, minCover)});`);
  }
  return lines.join('');
}
