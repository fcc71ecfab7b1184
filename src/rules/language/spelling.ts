/**
 * What people write who know SQL, Python or a spreadsheet, and how CEL spells it. A text is respelled place by place, so that the
 * first such habit does not hide the next mistake.
 */
export type Respelled = { text: string; origins: number[] };

type Spelling = { pattern: RegExp; right: string; help: string };

const spellings: Spelling[] = [
  { pattern: /\band\b/gi, right: '&&', help: "CEL writes 'and' as '&&'" },
  { pattern: /\bor\b/gi, right: '||', help: "CEL writes 'or' as '||'" },
  { pattern: /\bnot\b/gi, right: '!', help: "CEL writes 'not' as '!'" },
  { pattern: /<>/g, right: '!=', help: "CEL writes '<>' as '!='" },
  { pattern: /(?<![!<>=])=(?!=)/g, right: '==', help: "CEL compares with '=='" },
];

/** A text as it was written: every character stands at its own place. */
export function asWritten(text: string): Respelled {
  return { text, origins: Array.from({ length: text.length + 1 }, (_, offset) => offset) };
}

/** The habit at which the parser stumbled: it begins at that offset or ends just before it. Words in quotes are none. */
export function findHabit(
  text: string,
  offset: number,
): { start: number; end: number; right: string; help: string } | undefined {
  const quoted = [...text.matchAll(/'[^']*'|"[^"]*"/g)].map(
    ({ index, 0: found }) => [index, index + found.length] as const,
  );
  const habits = spellings.flatMap(({ pattern, right, help }) =>
    [...text.matchAll(pattern)].map(({ index, 0: found }) => ({
      start: index,
      end: index + found.length,
      right,
      help,
    })),
  );
  return habits
    .filter(({ start }) => !quoted.some(([from, to]) => start >= from && start < to))
    .filter(({ start, end }) => start <= offset && (offset <= end || text.slice(end, offset).trim() === ''))
    .sort((a, b) => b.start - a.start)[0];
}

/** The text with one place respelled; `origins` tells where each of its characters stood in the beginning. */
export function respell(
  { text, origins }: Respelled,
  { start, end, right }: { start: number; end: number; right: string },
): Respelled {
  const origin = origins[start] as number;
  return {
    text: text.slice(0, start) + right + text.slice(end),
    origins: [...origins.slice(0, start), ...Array.from(right, () => origin), ...origins.slice(end)],
  };
}
