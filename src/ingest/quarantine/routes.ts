import { requireTenant } from '../../access/api-key.ts';
import { readerOf } from '../../access/listing.ts';
import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { deleted, type Mount, type Queue, type RouteScope, type Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import { deleteMatching, deleteQuarantined, findQuarantined, listQuarantine, listReplayable } from './list-store.ts';
import {
  Deleted,
  DeletionBody,
  QuarantinedMessage,
  QuarantineQuery,
  quarantineList,
  ReplayBody,
  Replayed,
  ReplayedMany,
} from './quarantined-message.ts';
import { findFault, type Replay } from './replay.ts';

type Needs = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly queue: Queue;
  readonly replay: Replay;
};

const tags = ['Telemetry'];
const read = { scope: 'quarantine:read' } as const;
const write = { scope: 'quarantine:write' } as const;
const replayLimitDefault = 100;

/**
 * What devices sent and nobody could use: list, one, replay, delete. A message may name any site or none, so they are the
 * whole tenant's, and a key that is limited to sites does not get them.
 */
export function quarantineRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  replayRoutes(app, mount, needs);
  deletionRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: 'listQuarantine',
    summary: 'List messages of devices that were refused',
    tags,
    querystring: QuarantineQuery,
    response: { 200: mount.pageOf(QuarantinedMessage) },
  };
  app.get('/quarantine', { config: read, schema: list }, async (request, reply) => {
    requireTenant(request.area.caller);
    const { page, filter } = paging.list(quarantineList, request.query, readerOf(request.area));
    const rows = await listQuarantine(db, request.area, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: 'getQuarantined',
    summary: 'Get one message that was refused',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(QuarantinedMessage) },
  };
  app.get(mount.member('quarantine'), { config: read, schema: one }, async (request, reply) => {
    const found = await findQuarantined(db, requireTenant(request.area.caller), request.params.id);
    if (!found) throw refusals.quarantinedMessageNotFound(request.params.id);
    return shell.send(request, reply, mount.one(found));
  });
}

const guarantee = `
The message goes the same way as when it came, as its device and at its own time of arrival, which times that are absent or have no
zone still mean. What is understood is stored; a message of which nothing is left to complain about is gone, any other stays
with the new reason. Replaying twice is harmless: readings that are there already are duplicates.
`.trim();

function replayRoutes(app: RouteScope, mount: Mount, { db, paging, shell, queue, replay }: Needs): void {
  const one = {
    operationId: 'replayQuarantined',
    summary: 'Replay one message that was refused',
    description: guarantee,
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(Replayed) },
  };
  app.post(mount.member('quarantine', '/replay'), { config: write, schema: one }, async (request, reply) => {
    const { id } = request.params;
    const tenantId = requireTenant(request.area.caller);
    const replayOne = async () => {
      const [message] = await listReplayable(db, { tenantId, filter: { id }, after: undefined, limit: 1 });
      if (!message) throw refusals.quarantinedMessageNotFound(id);
      const fault = findFault(message);
      if (fault !== undefined) throw refusals.messageNotReplayable(`This message cannot be replayed: ${fault}.`);
      const [result] = await replay(tenantId, [message]);
      return mount.found(result as Replayed);
    };
    return shell.transact(request, reply, replayOne, queue);
  });
  const many = {
    operationId: 'replayQuarantine',
    summary: 'Replay messages that were refused, the oldest first',
    description: guarantee,
    tags,
    body: ReplayBody,
    response: { 200: mount.oneOf(ReplayedMany) },
  };
  app.post('/quarantine/replay', { config: write, schema: many }, async (request, reply) => {
    const tenantId = requireTenant(request.area.caller);
    const replaySome = async () => {
      const { limit = replayLimitDefault, cursor, ...filter } = request.body;
      const { position: after, binding } = paging.open(cursor, ['quarantine-replay', tenantId, filter]);
      const messages = await listReplayable(db, { tenantId, filter, after, limit: limit + 1 });
      const tried = messages.slice(0, limit);
      const results = await replay(tenantId, tried);
      const replayed = results.filter(({ outcome }) => outcome === 'replayed').length;
      const last = messages.length > limit ? tried.at(-1) : undefined;
      const nextCursor = last ? paging.sign(last.position, binding) : null;
      return mount.found({ replayed, kept: results.length - replayed, results, nextCursor });
    };
    return shell.transact(request, reply, replaySome, queue);
  });
}

const noContent = { description: 'Deleted.' };

function deletionRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const one = {
    operationId: 'deleteQuarantined',
    summary: 'Delete one message that was refused',
    tags,
    params: mount.memberParams,
    response: { 204: noContent },
  };
  app.delete(mount.member('quarantine'), { config: write, schema: one }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { id } = request.params;
      const tenantId = requireTenant(request.area.caller);
      const found = await findQuarantined(trx, tenantId, id);
      if (!found) throw refusals.quarantinedMessageNotFound(id);
      requireMatch(request.headers['if-match'], found.updated_at);
      if (!(await deleteQuarantined(trx, { tenantId, id }))) throw refusals.quarantinedMessageNotFound(id);
      return deleted;
    }),
  );
  const many = {
    operationId: 'deleteQuarantine',
    summary: 'Delete messages that were refused',
    description: 'Deletes what the filter matches, 10,000 messages at most. The same again deletes what is left.',
    tags,
    body: DeletionBody,
    response: { 200: mount.oneOf(Deleted) },
  };
  app.post('/quarantine/delete', { config: write, schema: many }, async (request, reply) =>
    shell.transact(request, reply, async (trx) =>
      mount.found(await deleteMatching(trx, { tenantId: requireTenant(request.area.caller), filter: request.body })),
    ),
  );
}
