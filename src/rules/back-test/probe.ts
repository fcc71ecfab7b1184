import { isMap, isScalar, type Pair } from 'yaml';
import type { RuleText } from '../language/load-rules.ts';
import { windowFunctions } from '../language/vocabulary.ts';
import { parseSource } from '../language/yaml-source.ts';

/** A rule's text that shows all it sees, and what each name of its evidence is. */
export type Probe = { text: string; kindOf(name: string): SeriesKind; labelOf(name: string): string };

export type SeriesKind = 'input' | 'let' | 'window';

/**
 * The same rule with every input, every `let` and every window among its evidence, so that an evaluation tells their values.
 * What the rule decides is untouched: windows of equal text share their memory. `text` is that of a rule that loads.
 */
export function probeOf({ file, text }: RuleText): Probe {
  const { document } = parseSource(file, text).source;
  const lets = entriesOf(document.get('let', true));
  const expressions = ['when', 'clear', 'cost', 'message'].map((key) => String(document.get(key) ?? ''));
  const windows = [...new Set([...expressions, ...lets.map(({ value }) => value)].flatMap(findWindows))];
  const known = new Set([...lets, ...entriesOf(document.get('inputs', true))].map(({ name }) => name));
  const labels = new Map<string, string>();
  if (document.hasIn(['evidence', 'show'])) document.deleteIn(['evidence', 'show']);
  for (const window of windows) {
    if (lets.some(({ value }) => value.trim() === window)) continue;
    const name = freeName(known, labels.size + 1);
    known.add(name);
    labels.set(name, window);
    document.setIn(['let', name], window);
  }
  const letNames = new Set(lets.map(({ name }) => name));
  return {
    text: String(document),
    kindOf: (name) => (labels.has(name) ? 'window' : letNames.has(name) ? 'let' : 'input'),
    labelOf: (name) => labels.get(name) ?? name,
  };
}

function entriesOf(node: unknown): { name: string; value: string }[] {
  if (!isMap(node)) return [];
  return (node.items as Pair[]).map(({ key, value }) => ({
    name: isScalar(key) ? String(key.value) : '',
    value: isScalar(value) ? String(value.value) : '',
  }));
}

function freeName(known: ReadonlySet<string>, first: number): string {
  for (let number = first; ; number++) if (!known.has(`window_${number}`)) return `window_${number}`;
}

/** The calls of window functions in an expression, each with its arguments, as they are written. */
function findWindows(expression: string): string[] {
  const calls = new RegExp(`\\b(?:${Object.keys(windowFunctions).join('|')})\\s*\\(`, 'g');
  return [...expression.matchAll(calls)].flatMap(({ index, 0: head }) => {
    const end = endOfCall(expression, index + head.length);
    return end === undefined ? [] : [expression.slice(index, end)];
  });
}

/** The place after the parenthesis that closes the one before `from`; quotes hide theirs. */
function endOfCall(expression: string, from: number): number | undefined {
  let depth = 1;
  let quote = '';
  for (let at = from; at < expression.length; at++) {
    const character = expression[at] as string;
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === "'" || character === '"') quote = character;
    else if (character === '(') depth++;
    else if (character === ')' && --depth === 0) return at + 1;
  }
  return undefined;
}
