/** A look at a connection's server, in a session of its own; what does not work at the server is in what it answers. */
import type { Db } from '../../../platform/database.ts';
import { refusals } from '../../../platform/refusals.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import { troubleOf } from '../client/trouble.ts';
import type { NodeKey, Trouble } from '../connection.ts';
import { getAccess } from '../connections/get-access.ts';
import type { Browsed, BrowseOptions } from './browse.ts';
import { type FoundNode, pathText, type Stop } from './found-node.ts';
import type { NodeRow } from './node-store.ts';

/** How long a look takes at most, in ms, beside connecting. */
const lookMsMax = 20_000;
const nodesMax = 50_000;
export const depthMax = 32;
const referencesMax = 50_000;
/** Parts of values; a structure of many members has many. */
const rowsMax = 100_000;

export type Which = { readonly tenantId: string; readonly id: string };
export type Asked = Pick<BrowseOptions, 'start' | 'depthMax' | 'withServer' | 'choice'>;
export type Looked =
  | { readonly kind: 'looked'; readonly browsed: Browsed; readonly namespaces: readonly string[] }
  | { readonly kind: 'failed'; readonly trouble: Trouble };

/** Throws opcua_connection_not_found, and validation_failed where the server has no such start. */
export async function look(db: Db, which: Which, { sealer, asked }: { sealer: Sealer; asked: Asked }): Promise<Looked> {
  const { spec, means } = await getAccess(db, which, sealer);
  // The client library takes half a second and 90 MB to load: a program without OPC-UA never does.
  const [{ openSession }, { browse, StartUnknown }] = await Promise.all([
    import('../client/open-client.ts'),
    import('./browse.ts'),
  ]);
  try {
    const opened = await openSession(spec, means);
    try {
      const options = { ...asked, nodesMax, referencesMax, msMax: lookMsMax };
      return {
        kind: 'looked',
        browsed: await browse(opened, opened.namespaces, options),
        namespaces: opened.namespaces,
      };
    } finally {
      await opened.close();
    }
  } catch (error) {
    if (error instanceof StartUnknown) throw refusals.invalidBody('/start', 'not_found', error.message);
    return { kind: 'failed', trouble: troubleOf(error) };
  }
}

export type Rows = {
  readonly rows: readonly NodeRow[];
  /** Nodes that are there, and some of whose parts cannot be told just now. */
  readonly unclear: readonly NodeKey[];
  readonly stop: Stop | null;
};

/** Each part of a value that may be a point, as it is remembered. */
export function rowsOf({ nodes, stop }: Browsed): Rows {
  const rows: NodeRow[] = [];
  const unclear: NodeKey[] = [];
  for (const found of nodes) {
    if (!found.variable) continue;
    if (found.variable.problem !== null) unclear.push(found.node);
    if (rows.length + found.variable.fields.length > rowsMax) {
      const detail = `There are more than ${rowsMax} values. Look at parts of the server by themselves.`;
      return {
        rows,
        unclear,
        stop: stop ?? { reason: 'nodes', detail, nodes: found.parent === null ? [] : [found.parent] },
      };
    }
    rows.push(...rowsOfVariable(found));
  }
  return { rows, unclear, stop };
}

function rowsOfVariable({ node, path, variable }: FoundNode): NodeRow[] {
  if (!variable) return [];
  const { fields, unit, range, description, isReadable, hasHistory } = variable;
  return fields.map(({ field, dataType }) => ({
    node,
    field,
    browsePath: pathText(path),
    dataType,
    unit,
    low: range?.low ?? null,
    high: range?.high ?? null,
    description,
    isReadable,
    hasHistory,
  }));
}
