/**
 * A YAML text made readable again around its mistakes, line for line, so that one of them does not hide those after it. A line
 * that is indented with tabs gets spaces, one that is indented too far is moved back, of any other line with a mistake the value
 * is blotted out. `shifts` says by how many columns a line now lies to the right of where it was written.
 */
export type Repaired = { text: string; shifts: ReadonlyMap<number, number> };

/** The text with its mistaken lines repaired: they are counted from 1, each with the code of its mistake. */
export function repairLines(text: string, mistakes: ReadonlyMap<number, string>): Repaired {
  const shifts = new Map<number, number>();
  const lines: string[] = [];
  text.split('\n').forEach((line, index) => {
    const number = index + 1;
    const code = mistakes.get(number);
    const bare = line.trimStart();
    if (/^ *\t/.test(line) || code === 'too_deep') {
      const indent = code === 'too_deep' ? indentOf(lines.at(-1) ?? '') : indentAfter(lines);
      shifts.set(number, indent - (line.length - bare.length));
      lines.push(' '.repeat(indent) + bare);
    } else lines.push(code === undefined || keepsLine.has(code) ? line : blot(line));
  });
  return { text: lines.join('\n'), shifts };
}

/** Where a line belongs by the one before it: deeper when that one opens a mapping or a text, else beside it. */
function indentAfter(before: readonly string[]): number {
  const last = before.findLast((line) => line.trim() !== '' && !line.trimStart().startsWith('#')) ?? '';
  const indent = indentOf(last);
  return /(?::|[>|][+-]?\d?)\s*(?:#.*)?$/.test(last) ? indent + 2 : indent;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

// With these a line can be read as it is.
const keepsLine = new Set(['duplicate_key', 'bad_dq_escape', 'bad_indent', 'yaml_tag']);

/** The key of a line without its value; of a line without a key nothing but a comment. */
function blot(line: string): string {
  const key = /^(\s*(?:- )?[^\s#:'"{[][^:]*:)(?=\s)/.exec(line)?.[1];
  return key === undefined ? `#${line.slice(1)}` : key.padEnd(line.length);
}
