import { visit } from 'yaml';
import { errorAt, type RuleError, type Source } from './rule-error.ts';

/** The codes of mistakes with which a line's value is lost, so that what is missed there is no mistake of its own. */
export const losesLine: ReadonlySet<string> = new Set(
  'yaml_tag yaml_alias block_as_implicit_key bad_scalar_start bad_alias unexpected_token multiple_anchors multiline_implicit_key missing_char bad_indent'.split(
    ' ',
  ),
);

/** What YAML itself finds wrong with a file, at most one mistake a line: after the first the parser is lost until the next line. */
export function findSyntaxErrors(source: Source): RuleError[] {
  const errors = findTags(source);
  for (const { message, pos, code } of source.document.errors.slice(0, errorsMax)) {
    const problem = { code: code.toLowerCase(), message, ...(hints[code] ?? {}), start: pos[0], end: pos[1] };
    const deeper = code === 'BLOCK_AS_IMPLICIT_KEY' ? findDeeperLine(source.text, pos[0]) : undefined;
    const opening = findOpening(source, code, pos[0]);
    const place = deeper ?? (opening === undefined ? {} : { start: opening, end: opening + 1 });
    errors.push(errorAt(source, { ...problem, ...(deeper && tooDeep), ...place }));
  }
  visit(source.document, {
    Alias(_, node) {
      if (!node.range || node.resolve(source.document)) return;
      const message = `YAML reads '*${node.source}' as the name of another value`;
      const [start, end] = node.range;
      errors.push(errorAt(source, { code: 'yaml_alias', message, help: 'quote the expression', start, end }));
    },
  });
  const told = new Set<number>();
  const deep = new Set(errors.filter(({ code }) => code === 'too_deep').map(({ line }) => line));
  return errors
    .filter(({ code, line }) => code !== 'multiline_implicit_key' || !deep.has(line + 1))
    .filter(({ line }) => !told.has(line) && told.add(line));
}

const tooDeep = {
  code: 'too_deep',
  message: 'this line is indented more than the one before, which has a value already',
  help: 'begin it in the column of the line before',
};

/** The key on the line after a value, where it is indented more than that line is: the value is not what is wrong there. */
function findDeeperLine(text: string, valueAt: number): { start: number; end: number } | undefined {
  // Not one pattern over both lines: at each of a line's colons it would look through the rest of the line.
  const lineStart = text.lastIndexOf('\n', valueAt - 1) + 1;
  const lineEnd = text.indexOf('\n', lineStart);
  const colon = text.indexOf(':', lineStart);
  if (lineEnd < 0 || colon < 0 || colon > lineEnd) return undefined;
  const value = text.slice(colon + 1, lineEnd);
  const indent = spacesAt(text, lineStart);
  const next = spacesAt(text, lineEnd + 1);
  if (!/[^\s#:]+:/y.test(text.slice(lineEnd + 1 + next))) return undefined;
  if (next <= indent || value.includes(': ')) return undefined;
  const start = text.indexOf('\n', valueAt) + 1 + next;
  return { start, end: text.indexOf(':', start) };
}

function spacesAt(text: string, from: number): number {
  let at = from;
  while (text[at] === ' ') at++;
  return at - from;
}

/** Where a quote or bracket begins that is missed at an offset far behind it. */
function findOpening({ text, document }: Source, code: string, missedAt: number): number | undefined {
  let opening: number | undefined;
  if (code === 'MISSING_CHAR')
    visit(document, {
      Scalar(_, { type, range }) {
        if (type?.startsWith('QUOTE') && range && range[0] < missedAt && range[1] >= missedAt) opening = range[0];
      },
    });
  if (opening !== undefined || (code !== 'BAD_INDENT' && code !== 'MISSING_CHAR')) return opening;
  let depth = 0;
  for (let at = missedAt - 1; at >= 0; at--) {
    if (/[\]}]/.test(text[at] as string)) depth++;
    if (/[[{]/.test(text[at] as string) && depth-- === 0) return at;
  }
  return opening;
}

const quoteIt = 'quote the expression, or put it on the next line after >-';
const hints: Partial<Record<string, { message?: string; help: string }>> = {
  BLOCK_AS_IMPLICIT_KEY: {
    message: "YAML reads ': ' inside this value as a mapping of its own",
    help: "quote the expression: ': ' begins a mapping",
  },
  BAD_INDENT: { message: 'this bracket is not closed', help: 'close it' },
  MISSING_CHAR: { message: 'what begins here is not closed', help: 'close it' },
  TAB_AS_INDENT: { help: 'indent with spaces' },
  DUPLICATE_KEY: { message: 'this key is there already', help: 'keep one of them' },
  BAD_SCALAR_START: { help: quoteIt },
  BAD_ALIAS: { message: "YAML reads '*' as the name of another value", help: quoteIt },
  UNEXPECTED_TOKEN: { help: quoteIt },
  MULTIPLE_ANCHORS: { message: "YAML reads '&' as the name of a value", help: quoteIt },
  MULTIPLE_DOCS: { message: "'---' begins another document", help: 'write one rule a file' },
  MULTILINE_IMPLICIT_KEY: { message: 'a key needs a colon after it', help: "write 'key: value'" },
};

/** So many mistakes of syntax are told at a time. */
const errorsMax = 100;

/** Tags that YAML does not know, and the one without a name: in a rule file each is the beginning of an expression. */
function findTags(source: Source): RuleError[] {
  const places = source.document.warnings.filter(({ code }) => code === 'TAG_RESOLVE_FAILED').map(({ pos }) => pos);
  visit(source.document, {
    Scalar(_, { tag, range }) {
      const at = tag === '!' && range ? source.text.lastIndexOf('!', range[0]) : -1;
      if (at >= 0) places.push([at, at + 1]);
    },
  });
  return places.map(([start, end]) => {
    const tag = source.text.slice(start, end);
    const message = `YAML reads '${tag}' as a tag, not as part of the expression`;
    const help = `quote it, as in "${tag} ...", or put it on the next line after >-`;
    return errorAt(source, { code: 'yaml_tag', message, help, start, end });
  });
}
