/**
 * From rule files as they lie on disk to those that are to run, file by file:
 *
 *   found, without mistakes ─────────────────────────────▶ its text as it is found
 *   found, with mistakes, and it ran before ─────────────▶ the text that ran
 *   found, with mistakes, new ───────────────────────────▶ as it is found: it gives no rule, and is known by name
 *   found, but it cannot be read ────────────────────────▶ the text that ran, if it did
 *   gone ────────────────────────────────────────────────▶ gone, unless a file that runs needs it: then the text that ran
 *
 * The outcome is texts again, so that whoever has them builds the same rules, after a restart or on another machine.
 */
import { buildRuleSet, type LoadOptions, type RuleText, type UnreadableFile } from '../language/load-rules.ts';
import type { RuleSet } from '../language/rule.ts';
import type { RuleError } from '../language/rule-error.ts';

export type Settled = {
  readonly texts: readonly RuleText[];
  readonly rules: RuleSet;
  /** What is wrong with the files as they were found. */
  readonly errors: readonly RuleError[];
};

type Options = Omit<LoadOptions, 'previous'>;

/** The texts that are to run, of those found and those that ran until now; a bad file never replaces a good rule. */
export function settleTexts(
  found: readonly RuleText[],
  running: readonly RuleText[],
  options: Options,
  unreadable: readonly UnreadableFile[] = [],
): Settled {
  const ran = new Map(running.map(({ file, text }) => [file, text]));
  const standing = running.filter(({ file }) => unreadable.some((one) => one.file === file));
  let texts: RuleText[] = [...found, ...standing].sort(byFile);
  let built = buildRuleSet(texts, options);
  const errors = [...unreadable.map(errorOf), ...built.errors];
  for (;;) {
    const isBad = badFiles(built.errors);
    const kept = texts.map(({ file, text }) => ({ file, text: isBad.has(file) ? (ran.get(file) ?? text) : text }));
    const needed = findNeeded(built.errors, texts, running);
    const next = [...kept, ...needed].sort(byFile);
    if (needed.length === 0 && kept.every(({ text }, i) => text === texts[i]?.text)) break;
    texts = next;
    built = buildRuleSet(texts, options);
  }
  return { texts, rules: built.rules, errors };
}

function byFile(one: RuleText, other: RuleText): number {
  return one.file < other.file ? -1 : 1;
}

function errorOf({ file, reason }: UnreadableFile): RuleError {
  const place = { file, line: 1, column: 1, length: 1, lineText: '' };
  return { severity: 'error', ...place, code: 'unreadable_file', message: `the file ${reason}` };
}

function badFiles(errors: readonly RuleError[]): Set<string> {
  return new Set(errors.filter(({ severity }) => severity === 'error').map(({ file }) => file));
}

/** Files that are gone and declare what an error in a file that ran names in quotes: a suppressor, a derived value. */
function findNeeded(
  errors: readonly RuleError[],
  texts: readonly RuleText[],
  running: readonly RuleText[],
): RuleText[] {
  const present = new Set(texts.map(({ file }) => file));
  const ran = new Set(running.map(({ file }) => file));
  const named = errors
    .filter(({ severity, file }) => severity === 'error' && ran.has(file))
    .flatMap(({ message }) => [...message.matchAll(/'([^']+)'/g)].map(([, name]) => name));
  return running.filter(({ file, text }) => {
    const declared = /^(?:rule|derived):\s*["']?([\w-]+)/m.exec(text)?.[1];
    return !present.has(file) && declared !== undefined && named.includes(declared);
  });
}
