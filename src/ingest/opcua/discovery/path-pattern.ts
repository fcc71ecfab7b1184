/**
 * Patterns of browse paths: name by name a text, with `*` for any characters and names in braces for what they stand for; two stars
 * by themselves are any number of names, none included, and `{name...}` is one or more of them.
 *
 *   Plant/CH-{number}/{point}        Plant/{asset}/{point...}        Plant/Pump*
 *
 * Behind the names of a node's own path come the steps of the field: `Phases[0].Current` is Phases/[0]/Current.
 */

type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'any' }
  | { readonly kind: 'capture'; readonly name: string };

type Level =
  /** Pieces of which no two wildcards stand beside each other. */
  | { readonly kind: 'name'; readonly pieces: readonly Piece[] }
  | { readonly kind: 'rest'; readonly name: string | null };

export type PathPattern = { readonly levels: readonly Level[]; readonly captures: ReadonlySet<string> };
export type Captures = Readonly<Record<string, string>>;

export const pathLengthMax = 1_000;
const levelsMax = 32;
const restsMax = 3;
/** What several names become together. */
const joint = '_';

/** Reads a pattern; what is wrong with it, and what would be right, where it is none. */
export function parsePathPattern(text: string): { readonly pattern: PathPattern } | { readonly problem: string } {
  if (text === '') return { problem: 'must have a name, as in Plant/{asset}/{point}' };
  if (text.length > pathLengthMax) return { problem: `must have at most ${pathLengthMax} characters` };
  const parts = splitPath(text);
  if (parts.length > levelsMax) return { problem: `must have at most ${levelsMax} names` };
  const captures = new Set<string>();
  const levels: Level[] = [];
  for (const part of parts) {
    const level = parseLevel(part);
    if ('problem' in level) return level;
    for (const name of namesOf(level)) {
      if (captures.has(name)) return { problem: `has {${name}} twice` };
      captures.add(name);
    }
    levels.push(level);
  }
  if (levels.filter(({ kind }) => kind === 'rest').length > restsMax)
    return { problem: `may have ** and {name...} ${restsMax} times at most` };
  return { pattern: { levels, captures } };
}

/** What a path says where the pattern has names; undefined where it does not match. */
export function matchPath({ levels }: PathPattern, path: readonly string[]): Captures | undefined {
  // Every pair of a level and a name that has failed once, so that several ** cost no more than their product.
  const failed = new Set<number>();
  const from = (at: number, name: number): Record<string, string> | undefined => {
    const level = levels[at];
    if (level === undefined) return name === path.length ? {} : undefined;
    const place = at * (path.length + 1) + name;
    if (failed.has(place)) return undefined;
    const matched = level.kind === 'rest' ? matchRest(level.name, at, name) : matchOne(level.pieces, at, name);
    if (!matched) failed.add(place);
    return matched;
  };
  const matchOne = (pieces: readonly Piece[], at: number, name: number) => {
    const own = name < path.length ? matchName(pieces, path[name] as string) : undefined;
    const rest = own && from(at + 1, name + 1);
    return own && rest && { ...own, ...rest };
  };
  const matchRest = (capture: string | null, at: number, name: number) => {
    for (let end = capture === null ? name : name + 1; end <= path.length; end++) {
      const rest = from(at + 1, end);
      if (rest) return capture === null ? rest : { ...rest, [capture]: joined(path.slice(name, end)) };
    }
    return undefined;
  };
  return from(0, 0);
}

/** Inlet/[0]/Current is Inlet_0_Current. */
function joined(names: readonly string[]): string {
  return names.map((name) => name.replace(/^\[(.*)\]$/, '$1').replaceAll(',', joint)).join(joint);
}

/** Each wildcard takes as little as it can, and the last one what is left; a name in braces stands for one character at least. */
function matchName(pieces: readonly Piece[], name: string): Record<string, string> | undefined {
  const captures: Record<string, string> = {};
  let at = 0;
  for (const [index, piece] of pieces.entries()) {
    if (piece.kind === 'text') {
      if (!name.startsWith(piece.text, at)) return undefined;
      at += piece.text.length;
      continue;
    }
    const next = pieces[index + 1];
    const isLastText = index + 2 === pieces.length;
    const least = piece.kind === 'capture' ? 1 : 0;
    let end = name.length;
    if (next?.kind === 'text') end = isLastText ? endBefore(name, next.text) : name.indexOf(next.text, at + least);
    if (end < at + least) return undefined;
    if (piece.kind === 'capture') captures[piece.name] = name.slice(at, end);
    at = end;
  }
  return at === name.length ? captures : undefined;
}

function endBefore(name: string, text: string): number {
  return name.endsWith(text) ? name.length - text.length : -1;
}

/** At each `/` that has no `&` before it; the escapes stay for the reading of the names. */
function splitPath(text: string): string[] {
  const parts: string[] = [''];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '/') parts.push('');
    else {
      const length = text[at] === '&' && at + 1 < text.length ? 2 : 1;
      parts[parts.length - 1] += text.slice(at, at + length);
      at += length - 1;
    }
  }
  return parts;
}

function parseLevel(part: string): Level | { problem: string } {
  if (part === '') return { problem: 'must have a name between each two slashes, and none at its ends' };
  if (part === '**') return { kind: 'rest', name: null };
  const rest = /^\{(\w{1,64})\.\.\.\}$/.exec(part)?.[1];
  if (rest !== undefined) return { kind: 'rest', name: rest };
  const pieces: Piece[] = [];
  for (const [token, name, escaped] of part.matchAll(/\{(\w{1,64})\}|&([\s\S])|\*|[^{}*&]+|[\s\S]/g)) {
    const last = pieces.at(-1);
    const isWild = token === '*' || name !== undefined;
    if (isWild && last && last.kind !== 'text')
      return { problem: `must have a text between two wildcards, which "${part.slice(0, 40)}" has not` };
    if (name !== undefined) pieces.push({ kind: 'capture', name });
    else if (token === '*') pieces.push({ kind: 'any' });
    else if (escaped === undefined && /[{}]/.test(token))
      return { problem: 'must have names in braces of letters, digits and _, as in CH-{number}; a brace itself is &{' };
    else if (last?.kind === 'text') pieces[pieces.length - 1] = { kind: 'text', text: last.text + (escaped ?? token) };
    else pieces.push({ kind: 'text', text: escaped ?? token });
  }
  return { kind: 'name', pieces };
}

function namesOf(level: Level): string[] {
  if (level.kind === 'rest') return level.name === null ? [] : [level.name];
  return level.pieces.flatMap((piece) => (piece.kind === 'capture' ? [piece.name] : []));
}
