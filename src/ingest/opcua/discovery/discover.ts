/** Looking at servers on behalf of people: what is there, what the mapping would make of it, and remembering and making it. */
import type { Db } from '../../../platform/database.ts';
import { formatInstant } from '../../../platform/instant.ts';
import { refusals } from '../../../platform/refusals.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import type { Trouble } from '../connection.ts';
import { lockConnection } from '../connections/connection-store.ts';
import { getConnection } from '../connections/set-connection.ts';
import { itemsAtOnceMax } from '../items/item.ts';
import { setItems } from '../items/set-items.ts';
import type {
  OpcuaBrowseBody,
  OpcuaBrowsed,
  OpcuaDiscoverBody,
  OpcuaDiscovered,
  OpcuaPreview,
  OpcuaPreviewBody,
} from './discovery.ts';
import { type FoundNode, pathText, type Stop } from './found-node.ts';
import { type Looked, look, type Rows, rowsOf, type Which } from './look.ts';
import { type CompiledRule, compileRules } from './mapping.ts';
import type { MappingRule, OpcuaMapping } from './mapping-rule.ts';
import { findMapping, upsertMapping } from './mapping-store.ts';
import {
  countGoneItems,
  findLookedAt,
  listItemNodes,
  listPresentNodes,
  listSlugs,
  markGone,
  type NodeRow,
  updateLookedAt,
  upsertNodes,
} from './node-store.ts';
import { countVerdicts, type Planned, planItems } from './plan.ts';

type With = Which & { readonly sealer: Sealer; readonly now: () => Date };

/** Looks at the server now, and stores nothing. Throws opcua_connection_not_found and validation_failed. */
export async function browseServer(db: Db, body: OpcuaBrowseBody, { sealer, ...which }: With): Promise<OpcuaBrowsed> {
  const { start, depth: depthMax, text, class: nodeClass, with_server: withServer, limit, offset } = body;
  const took = stopwatch();
  const choice = { text, nodeClass, limit, offset };
  const looked = await look(db, which, { sealer, asked: { start, depthMax, withServer, choice } });
  if (looked.kind === 'failed') return { ...failed(looked.trouble, took()), nodes: [], total: 0, next_offset: null };
  const { nodes, total, stop } = looked.browsed;
  const next = offset + limit < total ? offset + limit : null;
  return { ...outcome(stop, took()), nodes: nodes.map(shownNode), total, next_offset: next };
}

/**
 * What the mapping would make of the server's nodes, storing nothing. Throws opcua_connection_not_found and validation_failed, the latter
 * with every mistake in the rules.
 */
export async function previewMapping(
  db: Db,
  body: OpcuaPreviewBody,
  { sealer, now, ...which }: With,
): Promise<OpcuaPreview> {
  const connection = await getConnection(db, which);
  const rules = compile(body.rules ?? (await findMapping(db, which.id)).rules);
  const took = stopwatch();
  const { limit, offset, verdict } = body;
  let lookedAt = await findLookedAt(db, which.id);
  let told = outcome(null, 0);
  let rows: readonly NodeRow[];
  if (body.look) {
    const { start, depth: depthMax, with_server: withServer } = body.look;
    const looked = await look(db, which, { sealer, asked: { start, depthMax, withServer } });
    const found = rowsFound(looked);
    told = looked.kind === 'failed' ? failed(looked.trouble, took()) : outcome(found.stop, took());
    lookedAt = looked.kind === 'failed' ? lookedAt : now();
    rows = found.rows;
  } else {
    rows = await listPresentNodes(db, which.id);
  }
  const planned = await plan(db, rows, { rules, which, site: connection.site });
  const meant = planned.filter(({ shown }) => verdict === undefined || shown.verdict === verdict);
  return {
    ...told,
    took_ms: took(),
    looked_at: lookedAt && formatInstant(lookedAt),
    counts: countVerdicts(planned),
    nodes: meant.slice(offset, offset + limit).map(({ shown }) => shown),
    total: meant.length,
    next_offset: offset + limit < meant.length ? offset + limit : null,
  };
}

/**
 * Looks at the server, remembers what is there, says what is new and what is gone, and makes items by the mapping if asked. Throws
 * opcua_connection_not_found, and validation_failed where the items do not fit, what was found being remembered all the same.
 */
export async function discover(
  db: Db,
  body: OpcuaDiscoverBody,
  { sealer, now, ...which }: With,
): Promise<OpcuaDiscovered> {
  const took = stopwatch();
  const connection = await getConnection(db, which);
  const mapping = await findMapping(db, which.id);
  if (body.apply && mapping.rules.length === 0)
    throw refusals.invalidBody('/apply', 'conflict', 'the connection has no mapping rules; set some first');
  const { start, depth: depthMax, with_server: withServer } = body;
  const looked = await look(db, which, { sealer, asked: { start, depthMax, withServer } });
  const none = { values: 0, added: 0, gone: 0, items_gone: 0, items_made: 0, counts: null };
  if (looked.kind === 'failed') return { ...failed(looked.trouble, took()), ...none };
  const found = rowsFound(looked);
  const below = pathText(looked.browsed.startPath);
  const remembered = await remember(db, which, { ...found, below, at: now() });
  const made = body.apply
    ? await makeItems(db, found.rows, { rules: compile(mapping.rules), which, site: connection.site })
    : { items_made: 0, counts: null };
  return { ...outcome(found.stop, took()), values: found.rows.length, ...remembered, ...made };
}

/** Sets all of the mapping rules of a connection. Throws opcua_connection_not_found, and validation_failed with every mistake. */
export async function setMapping(
  trx: Db,
  rules: readonly MappingRule[],
  { at, ...which }: Which & { readonly at: Date },
): Promise<OpcuaMapping> {
  compile(rules);
  if (!(await lockConnection(trx, which))) throw refusals.opcuaConnectionNotFound(which.id);
  await upsertMapping(trx, which.id, { rules, at });
  return findMapping(trx, which.id);
}

/** The mapping rules of a connection. Throws opcua_connection_not_found. */
export async function getMapping(db: Db, which: Which): Promise<OpcuaMapping> {
  await getConnection(db, which);
  return findMapping(db, which.id);
}

function compile(rules: readonly MappingRule[]): readonly CompiledRule[] {
  const compiled = compileRules(rules);
  if ('rules' in compiled) return compiled.rules;
  throw refusals.invalid(compiled.problems.map((problem) => ({ in: 'body', code: 'invalid', ...problem })));
}

function rowsFound(looked: Looked): Rows {
  return looked.kind === 'looked' ? rowsOf(looked.browsed) : { rows: [], unclear: [], stop: null };
}

type Remembered = { readonly added: number; readonly gone: number; readonly items_gone: number };

function remember(db: Db, which: Which, found: Rows & { below: string; at: Date }): Promise<Remembered> {
  return db.transaction().execute(async (trx) => {
    // Two looks at one server follow one another, so that the second sees what the first has found.
    if (!(await lockConnection(trx, which))) throw refusals.opcuaConnectionNotFound(which.id);
    const added = await upsertNodes(trx, which.id, found);
    // What a look has not come to see is not gone.
    const gone = found.stop === null ? await markGone(trx, which.id, found) : 0;
    await updateLookedAt(trx, which.id, found.at);
    return { added, gone, items_gone: await countGoneItems(trx, which.id) };
  });
}

type Planning = { readonly rules: readonly CompiledRule[]; readonly which: Which; readonly site: string };

async function plan(db: Db, rows: readonly NodeRow[], { rules, which, site }: Planning): Promise<Planned[]> {
  const items = await listItemNodes(db, which.id);
  const slugs = new Set(await listSlugs(db, which.tenantId));
  return planItems(rows, { rules, present: { items, slugs, site } });
}

async function makeItems(db: Db, rows: readonly NodeRow[], planning: Planning) {
  return db.transaction().execute(async (trx) => {
    await lockConnection(trx, planning.which);
    const planned = await plan(trx, rows, planning);
    const items = planned.flatMap(({ item }) => item ?? []);
    for (let from = 0; from < items.length; from += itemsAtOnceMax) {
      await setItems(trx, items.slice(from, from + itemsAtOnceMax), planning.which);
    }
    return { items_made: items.length, counts: countVerdicts(planned) };
  });
}

function shownNode({ node, parent, path, nodeClass, displayName, variable }: FoundNode) {
  return {
    node,
    parent,
    browse_path: pathText(path),
    display_name: displayName,
    class: nodeClass,
    data_type: variable?.dataType ?? null,
    unit: variable?.unit ?? null,
    range: variable?.range ?? null,
    description: variable?.description ?? null,
    readable: variable?.isReadable ?? false,
    history: variable?.hasHistory ?? false,
    fields: (variable?.fields ?? []).map(({ field, dataType }) => ({ field, data_type: dataType })),
    problem: variable?.problem ?? null,
  };
}

type Outcome = Pick<OpcuaBrowsed, 'reason' | 'detail' | 'is_complete' | 'stopped' | 'took_ms'>;

function outcome(stop: Stop | null, tookMs: number): Outcome {
  const stopped = stop && { ...stop, nodes: [...stop.nodes] };
  return { reason: null, detail: null, is_complete: stop === null, stopped, took_ms: tookMs };
}

function failed({ code, detail }: Trouble, tookMs: number): Outcome {
  return { reason: code, detail, is_complete: false, stopped: null, took_ms: tookMs };
}

function stopwatch(): () => number {
  const startedAt = performance.now();
  return () => Math.round(performance.now() - startedAt);
}
