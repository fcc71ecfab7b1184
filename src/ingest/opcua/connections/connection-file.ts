/**
 * Connections in a file (OPCUA_FILE), for plants whose settings are kept beside their other files:
 *
 *   connections:
 *     - name: Chiller plant
 *       site: main
 *       endpoint_url: opc.tcp://plc-7:4840
 *       identity: {kind: username, username: faultline, password_env: PLC7_PASSWORD}
 *
 * Each is what POST /opcua-connections takes; `tenant` names the tenant where there are several, and secrets come from the environment
 * (`password_env`) or from files (`password_file`, `certificate_file`, `private_key_file`). The file is the whole truth about its connections:
 * one that is not in it any more is deleted.
 */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Document, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { OpcuaConnectionBody } from './opcua-connection.ts';

/** A connection as the file has it, with its secrets read. */
export type FileConnection = { readonly tenant: string | undefined; readonly body: OpcuaConnectionBody };

const bytesMax = 4 * 1_024 * 1_024;
const connectionsMax = 10_000;
const File = z.strictObject({
  connections: z.array(z.looseObject({ tenant: z.string().optional() })).max(connectionsMax),
});

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the file whole. Rejects with one line for each mistake, `plants.yaml:7:5: connections[0].site is required`, and never with a secret.
 */
export async function readConnectionFile(path: string, env: Env): Promise<FileConnection[]> {
  const text = await readFile(path, 'utf8');
  if (text.length > bytesMax) throw new Error(`${path} is larger than ${bytesMax} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw new Error(`${path}:${line}:${col}: ${broken.message.split('\n')[0]}`);
  }
  const placeOf = (at: readonly PropertyKey[]): string => {
    for (let length = at.length; length >= 0; length--) {
      const node = document.getIn(at.slice(0, length), true) as { range?: [number] } | undefined;
      const start = node?.range?.[0];
      if (start === undefined) continue;
      const { line, col } = lines.linePos(start);
      return `${path}:${line}:${col}`;
    }
    return path;
  };
  const fail = (at: readonly PropertyKey[], message: string): string =>
    `${placeOf(at)}: ${nameOf(at)}${nameOf(at) && ' '}${message}`;
  const shape = File.safeParse(plainOf(document, path));
  if (!shape.success) throw new Error(shape.error.issues.map((one) => fail(one.path, one.message)).join('\n'));
  const mistakes: string[] = [];
  const found: FileConnection[] = [];
  for (const [index, given] of shape.data.connections.entries()) {
    const at = ['connections', index];
    const { tenant, ...rest } = given;
    const body = await withSecrets(rest, { env, folder: dirname(path) }).catch((error: unknown) => {
      mistakes.push(fail([...at, 'identity'], (error as Error).message));
      return undefined;
    });
    if (body === undefined) continue;
    const parsed = OpcuaConnectionBody.safeParse(body);
    if (parsed.success) found.push({ tenant, body: parsed.data });
    else mistakes.push(...parsed.error.issues.map((one) => fail([...at, ...one.path], one.message)));
  }
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
  return found;
}

/** A few lines of aliases can stand for gigabytes; settings need none. */
function plainOf(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    throw new Error(`${path}: anchors and aliases (& and *) are not read here`, { cause });
  }
}

function nameOf(at: readonly PropertyKey[]): string {
  return at
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .slice(1);
}

/** Where a secret may come from instead of standing in the file. */
const sources = { password: ['env', 'file'], certificate: ['file'], private_key: ['file'] } as const;

async function withSecrets(
  given: Readonly<Record<string, unknown>>,
  { env, folder }: { readonly env: Env; readonly folder: string },
): Promise<object> {
  if (typeof given.identity !== 'object' || given.identity === null) return given;
  const identity: Record<string, unknown> = { ...given.identity };
  for (const [name, kinds] of Object.entries(sources)) {
    for (const kind of kinds) {
      const key = `${name}_${kind}`;
      const where = identity[key];
      if (where === undefined) continue;
      delete identity[key];
      if (typeof where !== 'string') throw new Error(`${key} must be a text`);
      identity[name] = kind === 'env' ? fromEnvironment(where, env) : await fromFile(resolve(folder, where), key);
    }
  }
  return { ...given, identity };
}

function fromEnvironment(name: string, env: Env): string {
  const value = env[name];
  if (value === undefined) throw new Error(`password_env names ${name}, which is not set`);
  return value;
}

/** A file of one secret; the line feed at its end is the editor's. */
async function fromFile(path: string, key: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).replace(/\r?\n$/, '');
  } catch (cause) {
    throw new Error(`${key} cannot be read: ${(cause as NodeJS.ErrnoException).code} ${path}`, { cause });
  }
}
