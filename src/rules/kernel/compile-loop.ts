/**
 * The loop over the ticks of a block for one rule, as generated JavaScript. The rule's own functions are written into it, reading
 * constants where they would read arrays. Measured, that takes half the time of calling them. The source is built from numbers and
 * from what compile-expression.ts writes:
 *
 *   for(let k=from;k<=to;k++){ const v0=m0[q],v1=m1[q],w0=r0[k-first]; const t0=v0-(w0); ... conditions[k-first]=t7; }
 *
 * A row that feeds rings of its own, or has a function that nothing is known of, keeps the arrays as well, for what is called.
 */

import {
  canWrite,
  createStatements,
  type NumberFunction,
  slotSource,
  type TruthFunction,
  writeCompiled,
} from '../language/compile-expression.ts';
import { watchSource } from './hold-offs.ts';

/** What a loop does, by number: inputs from columns, windows from results, then the passes, the hold-off and the condition. */
export type LoopShape = {
  /** The slot of each column of values, and the window of each column of results. */
  slots: readonly number[];
  windows: readonly number[];
  /** The slots computed in each pass, and whether the row has rings of its own to feed in it. */
  passes: readonly { slots: readonly number[]; hasRings: boolean }[];
};

/** The memory of a hold-off, as `Holds` has it; `onChange` is told of the tick and the row. */
export type Memory = {
  watched: readonly NumberFunction[];
  known: Float64Array;
  knownAt: Float64Array;
  forMs: number;
  onChange: (tMs: number, row: number) => void;
};

/** What a loop works on; `place` is that of the tick `from` in columns of `length`, `first` the tick at the beginning of results. */
export type LoopInput = Memory & {
  v: Float64Array;
  p: Float64Array;
  w: Float64Array;
  columns: readonly Float64Array[];
  results: readonly Float64Array[];
  computes: readonly NumberFunction[];
  feeds: readonly ((place: number) => void)[];
  /** Where the hold-off's memory of this row begins. */
  cell: number;
  everyMs: number;
  when: TruthFunction;
  conditions: Uint8Array;
  first: number;
  from: number;
  to: number;
  place: number;
  length: number;
  /** The tick under way, for whoever catches what is thrown. */
  at: Float64Array;
};

export type Loop = (input: LoopInput) => void;

/** The functions of a rule that its loops take in. */
export type LoopFunctions = Pick<LoopInput, 'computes' | 'watched' | 'when'>;

/** Compiles a loop, or finds the one that `known` has for the same shape: keep one map for each rule. */
export function compileLoop(shape: LoopShape, functions: LoopFunctions, known: Map<string, Loop>): Loop {
  const { slots, windows, passes } = shape;
  const key = `${slots}|${windows}|${passes.map((pass) => `${pass.slots}${pass.hasRings ? '+' : '-'}`)}`;
  const loop = known.get(key) ?? (new Function('x', sourceOf(shape, functions)) as Loop);
  known.set(key, loop);
  return loop;
}

function sourceOf({ slots, windows, passes }: LoopShape, { computes, watched, when }: LoopFunctions): string {
  const keepsArrays = passes.some(({ hasRings }) => hasRings) || ![...computes, ...watched, when].every(canWrite);
  const body = createBody(keepsArrays);
  slots.forEach((slot, i) => {
    body.define('v', slot, `m${i}[q]`);
  });
  windows.forEach((window, i) => {
    body.define('w', window, `r${i}[i]`);
  });
  let next = 0;
  passes.forEach(({ slots: computed, hasRings }, i) => {
    for (const slot of computed) {
      body.define('v', slot, body.resultOf(computes[next] as NumberFunction, `d${next}`));
      next++;
    }
    if (hasRings) body.lines.push(`f${i}(q);`);
  });
  if (watched.length > 0) body.lines.push('const t=k*everyMs;');
  watched.forEach((one, i) => {
    body.lines.push(watchSource(i, body.resultOf(one, `h${i}`), { known: `k${i}`, knownAt: `z${i}` }));
  });
  body.lines.push(`conditions[i]=${body.resultOf(when, 'when')};`);
  return [
    '"use strict";const{v,p,w,columns,results,computes,feeds,when,conditions,first,to,length,at}=x;let q=x.place;',
    'const{watched,known,knownAt,cell,forMs,everyMs,onChange}=x,row=0;',
    ...slots.map((_, i) => `const m${i}=columns[${i}];`),
    ...windows.map((_, i) => `const r${i}=results[${i}];`),
    ...computes.map((_, i) => `const d${i}=computes[${i}];`),
    ...passes.map((_, i) => `const f${i}=feeds[${i}];`),
    ...watched.map((_, i) => `const h${i}=watched[${i}];let k${i}=known[cell+${i}],z${i}=knownAt[cell+${i}];`),
    ...body.constants,
    'let k=x.from;try{for(;k<=to;k++){const i=k-first;',
    ...body.lines,
    'if(++q===length)q=0;}}finally{at[0]=k;',
    ...watched.map((_, i) => `known[cell+${i}]=k${i};knownAt[cell+${i}]=z${i};`),
    '}',
  ].join('');
}

/** What is done at a tick, and the constants that it reads; with `keepsArrays` what is defined is put into the arrays as well. */
type Body = {
  lines: string[];
  constants: Set<string>;
  /** Gives a slot of `v` or `w` the value of a source. */
  define(from: 'v' | 'w', slot: number, source: string): void;
  /** The source of what a function gives: its own statements, or the call by the name that it goes by. */
  resultOf(one: NumberFunction | TruthFunction, called: string): string;
};

function createBody(keepsArrays: boolean): Body {
  const constants = new Set<string>();
  const defined = new Set<string>();
  const statements = createStatements((from, slot) => {
    const name = `${from}${slotSource(slot)}`;
    if (defined.has(name)) return name;
    // Windows over rings of the row's own change from tick to tick; whatever else has no column does not.
    if (from === 'w') return `w[${slot}]`;
    constants.add(`const ${name}=${from}[${slot}];`);
    return name;
  });
  const { body: lines } = statements;
  return {
    lines,
    constants,
    define: (from, slot, source) => {
      const name = `${from}${slotSource(slot)}`;
      defined.add(name);
      lines.push(`const ${name}=${source};${keepsArrays ? `${from}[${slot}]=${name};` : ''}`);
    },
    resultOf: (one, called) => (canWrite(one) ? writeCompiled(statements, one) : `${called}(v,p,w)`),
  };
}
