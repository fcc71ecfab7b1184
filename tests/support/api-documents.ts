/**
 * The example requests of the API documents that the product must satisfy. The documents are not part of the project: a test
 * over them skips, by name, where their folder is absent.
 */
import { existsSync, readFileSync } from 'node:fs';

const folder = new URL('../../../shared/seeds/', import.meta.url);

/** What a suite over the documents is called, and whether it can run. */
export function documentsSuite(): { title: string; isAbsent: boolean } {
  const isAbsent = !existsSync(folder);
  return { title: `the documents' own examples${isAbsent ? ' (skipped: there is no ../shared/seeds)' : ''}`, isAbsent };
}

export type ExampleRequest = {
  readonly method: string;
  /** As it stands in the document; empty where the document has lost it. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
};

/** The text of a document: `runtight`, `tacit`, `runn` or `remoteops`. */
export function readApiDocument(name: string): string {
  return readFileSync(new URL(`${name}.txt`, folder), 'utf8');
}

/** Every request that a document gives as a command of curl, in its order. */
export function listExampleRequests(name: string): ExampleRequest[] {
  const text = readApiDocument(name);
  return [...text.matchAll(/\bcurl(?=\s+(?:\\|-[XHd] |"?https?:))/g)].map(({ index }) => readCommand(text, index + 4));
}

/** The JSON that a document shows after a heading, a body for each time that the heading is there. */
export function listExampleBodies(name: string, heading: string): unknown[] {
  const text = readApiDocument(name);
  const starts = [...text.matchAll(new RegExp(`${RegExp.escape(heading)}\\n(?=[{[]\\n)`, 'g'))];
  return starts.map(({ 0: found, index }) => JSON.parse(bracketed(text, index + found.length)));
}

/** From a bracket to the one that closes it; brackets within texts come in pairs in these documents. */
function bracketed(text: string, from: number): string {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    if ('{['.includes(text.charAt(at))) depth += 1;
    if ('}]'.includes(text.charAt(at))) depth -= 1;
    if (depth === 0) return text.slice(from, at + 1);
  }
  throw new Error('the brackets of an example do not close');
}

const argument =
  /(?:\s|\\(?=\s))*(?:-X\s+(?<method>[A-Z]+)|-H\s+(?:"(?<header>[^"]*)"|'(?<quoted>[^']*)')|-d\s+'(?<body>[^']*)'|"(?<url>https?:[^"]*)"|(?<bare>https?:[^\s"]+))/y;

function readCommand(text: string, from: number): ExampleRequest {
  const request = {
    method: 'GET',
    url: '',
    headers: {} as Record<string, string>,
    body: undefined as string | undefined,
  };
  argument.lastIndex = from;
  for (let found = argument.exec(text); found !== null; found = argument.exec(text)) {
    const { method, header, quoted, body, url, bare } = found.groups ?? {};
    const field = header ?? quoted;
    if (method !== undefined) request.method = method;
    if (body !== undefined) request.body = body;
    if (field !== undefined)
      request.headers[field.slice(0, field.indexOf(':')).toLowerCase()] = field.slice(field.indexOf(':') + 1).trim();
    request.url ||= url ?? bare ?? '';
  }
  return request;
}
