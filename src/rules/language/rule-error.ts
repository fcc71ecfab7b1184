import { type Document, isMap, isPair, isScalar, isSeq, type LineCounter, type Node, type Scalar } from 'yaml';

/**
 * What is wrong with a rule file, where, and what to do about it. Errors keep a file from being loaded; warnings do not.
 *
 *   rules/bad.yaml:10:20: error: when: Unknown variable: satsp [unknown_variable]
 *      10 |   avg(sat, "5m") > satsp + err_sat
 *         |                    ^^^^^
 *         = help: did you mean 'sat_sp'?
 */
export type RuleError = {
  severity: 'error' | 'warning';
  file: string;
  line: number;
  column: number;
  length: number;
  message: string;
  code: string;
  lineText: string;
  help?: string | undefined;
};

/** A problem at an offset of some text: of an expression first, of its file in the end. */
export type Problem = {
  severity?: 'warning' | undefined;
  message: string;
  code: string;
  start: number;
  end: number;
  help?: string | undefined;
};

/**
 * A YAML file that can say where each of its values stands. `written` is there where the text was repaired to be readable: the
 * lines as they were written, and by how many columns a line of the text lies to the right of them.
 */
export type Source = {
  file: string;
  text: string;
  document: Document;
  lines: LineCounter;
  written?: { lines: readonly string[]; shifts: ReadonlyMap<number, number> };
};

export type Path = readonly PropertyKey[];

/** The error as the compiler-style block above, without a final newline. */
export function formatRuleError(error: RuleError): string {
  const head = `${error.file}:${error.line}:${error.column}: ${error.severity}: ${error.message} [${error.code}]`;
  const gutter = `${String(error.line).padStart(5)} | ${error.lineText}`;
  const carets = `${' '.repeat(6)}| ${' '.repeat(error.column - 1)}${'^'.repeat(Math.max(1, error.length))}`;
  const help = error.help === undefined ? [] : [`${' '.repeat(6)}= help: ${error.help}`];
  return [head, gutter, carets, ...help].join('\n');
}

/** A problem at offsets of the file's own text as an error with line and column, counted from 1. */
export function errorAt(source: Source, problem: Problem): RuleError {
  const start = Math.min(problem.start, source.text.length);
  const { line, col } = source.lines.linePos(start);
  const lineStart = start - (col - 1);
  const lineEnd = endOfLine(source.text, lineStart);
  const { written } = source;
  return {
    severity: problem.severity ?? 'error',
    file: source.file,
    line,
    column: Math.max(1, col - (written?.shifts.get(line) ?? 0)),
    length: Math.max(1, Math.min(problem.end, lineEnd) - start),
    message: problem.message,
    code: problem.code,
    lineText: written?.lines[line - 1] ?? source.text.slice(lineStart, lineEnd),
    help: problem.help,
  };
}

/** A problem with the value at a path (or with its key, `part: 'key'`); the nearest enclosing value when there is none. */
export function errorAtPath(
  source: Source,
  path: Path,
  problem: Omit<Problem, 'start' | 'end'>,
  part: 'key' | 'value' = 'value',
): RuleError {
  const [start, end] = findRange(source, path, part);
  return errorAt(source, { ...problem, start, end });
}

/** A problem inside the text of the scalar at a path, such as an expression's, as an error of the file. */
export function errorInScalar(source: Source, path: Path, problem: Problem): RuleError {
  const node = findNode(source.document.contents, path);
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return errorAtPath(source, path, problem);
  const places = placesInSource(source.text, node as Scalar<string>);
  const [start, after] = places[problem.start] ?? [node.range[1], node.range[1] + 1];
  const [, end] = places[Math.max(problem.start, problem.end - 1)] ?? [start, after];
  return errorAt(source, { ...problem, start, end });
}

function findRange(source: Source, path: Path, part: 'key' | 'value'): [number, number] {
  for (let depth = path.length; depth >= 0; depth--) {
    const found = part === 'key' || depth < path.length ? findKey(source, path.slice(0, depth)) : undefined;
    const node = found ?? findNode(source.document.contents, path.slice(0, depth));
    const range = node?.range;
    if (range) return [range[0], isScalar(node) ? range[1] : Math.min(range[1], endOfLine(source.text, range[0]))];
  }
  return [0, 1];
}

function findKey(source: Source, path: Path): Node | undefined {
  if (path.length === 0) return undefined;
  const map = findNode(source.document.contents, path.slice(0, -1));
  if (!isMap(map)) return undefined;
  const pair = map.items.find(
    (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(path.at(-1)),
  );
  return (pair?.key as Node | undefined) ?? undefined;
}

function findNode(root: unknown, path: Path): Node | undefined {
  let node = root;
  for (const key of path) {
    if (isMap(node)) node = node.get(typeof key === 'symbol' ? String(key) : key, true);
    else if (isSeq(node)) node = node.get(Number(key), true);
    else return undefined;
  }
  return (node as Node | null | undefined) ?? undefined;
}

/**
 * Where each character of a scalar's value begins and ends in the file. Folding and indentation only add characters, and escapes
 * stand for others, so what lies between escapes is a subsequence of the source; a space of the value may have been a line break.
 */
function placesInSource(text: string, node: Scalar<string>): [number, number][] {
  const [start, end] = node.range as [number, number, number];
  const escapes = escapesOf[node.type ?? ''];
  let at = node.type?.startsWith('BLOCK') ? text.indexOf('\n', start) + 1 : start;
  if (node.type?.startsWith('QUOTE')) at += 1;
  const places: [number, number][] = [];
  while (places.length < node.value.length) {
    const character = node.value[places.length] as string;
    const isSpace = /\s/.test(character);
    const length = () => (escapes ? lengthOfEscape(text, at, escapes) : 0);
    while (at < end && length() === 0 && (isSpace ? !/\s/.test(text[at] as string) : text[at] !== character)) at++;
    const next = at + Math.max(1, length());
    // A line that is broken by an escape stands for nothing, and eight digits for a pair of characters.
    const isBreak = /\\\r?\n/y.test(text.slice(at, next));
    const isPair = next - at === 10 && character >= '\ud800' && character <= '\udbff';
    for (let count = isBreak ? 0 : isPair ? 2 : 1; count > 0; count--) places.push([at, next]);
    at = next;
  }
  return places;
}

/** How quoted scalars write what stands for one character, and where a line goes on. */
const escapesOf: Record<string, RegExp> = {
  QUOTE_DOUBLE: /\\(?:x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|\r?\n[ \t]*|[0abefnrtvNLP_ "/\\\t])/y,
  QUOTE_SINGLE: /''/y,
};

function lengthOfEscape(text: string, at: number, escapes: RegExp): number {
  escapes.lastIndex = at;
  return escapes.exec(text)?.[0].length ?? 0;
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
}
