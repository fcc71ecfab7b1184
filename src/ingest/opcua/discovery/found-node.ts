/** What a look at a server's address space finds. */
import type { NodeKey } from '../connection.ts';

export type FoundNode = {
  readonly node: NodeKey;
  /** Null for what lies below no node that was found, which is the start alone. */
  readonly parent: NodeKey | null;
  /** The browse names from the Objects folder down to its own. */
  readonly path: readonly string[];
  readonly nodeClass: 'object' | 'variable' | 'view';
  readonly displayName: string;
  readonly variable: FoundVariable | null;
};

export type FoundVariable = {
  readonly dataType: string | null;
  readonly description: string | null;
  readonly isReadable: boolean;
  readonly hasHistory: boolean;
  /** The id of a unit that is known here, else as the server shows it. */
  readonly unit: string | null;
  readonly range: { readonly low: number; readonly high: number } | null;
  /** Each part of the value that may be a point. */
  readonly fields: readonly FoundField[];
  /** Why there are no parts, or not all. */
  readonly problem: string | null;
};

/** One number or text of a value, and how an item names it: '' is all of it. */
export type FoundField = { readonly field: string; readonly dataType: string | null };

export const stopReasons = ['time', 'nodes', 'depth', 'references', 'refused', 'link'] as const;
export type StopReason = (typeof stopReasons)[number];

/** Why a look has not seen all that lies below its start, and the first of those nodes that it has not looked below. */
export type Stop = { readonly reason: StopReason; readonly detail: string; readonly nodes: readonly NodeKey[] };

/** A browse path as one text: names with `/` between them; `&` before a `/` or a `&` that is part of a name (OPC 10000-4, A.2). */
export function pathText(path: readonly string[]): string {
  return path.map((name) => name.replaceAll(/[&/]/g, '&$&')).join('/');
}

/** The names of a browse path. */
export function pathNames(text: string): string[] {
  const names: string[] = [];
  let name = '';
  for (let at = 0; at < text.length; at++) {
    const isEscape = text[at] === '&' && at + 1 < text.length;
    if (text[at] === '/') {
      names.push(name);
      name = '';
    } else name += isEscape ? text[++at] : text[at];
  }
  return [...names, name];
}

/** The steps of a field as names behind a browse path: `Phases[0].Current` gives Phases, [0] and Current. */
export function fieldNames(field: string): string[] {
  return field.match(/\[[^\]]*\]|[^.[\]]+/g) ?? [];
}

/** What PostgreSQL and people can read of a server's text: control characters and halves of surrogate pairs are replaced. */
export function cleanText(text: unknown, lengthMax: number): string {
  if (typeof text !== 'string') return '';
  return text
    .slice(0, lengthMax)
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, '\ufffd');
}
