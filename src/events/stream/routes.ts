import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Caller, callerIdOf } from '../../access/api-key.ts';
import type { Db } from '../../platform/database.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import {
  createPositionCodec,
  type PositionCodec,
  type StreamQuery,
  streamQuery,
  streamScopes,
  wantedOf,
} from './ask.ts';
import type { Hub, Listener } from './hub.ts';
import { createOutbox, type Outbox, type OutboxLimits } from './outbox.ts';
import type { Position } from './snapshot.ts';
import type { Wanted } from './wanted.ts';

/** How many streams one key or person has at most, and one process, and what holds for each of them. */
export type StreamLimits = OutboxLimits & { readonly ofKeyMax: number; readonly inAllMax: number };

/** The live streams of this process. */
export type LiveStreams = { readonly hub: Hub; readonly limits: StreamLimits };

type Needs = { readonly db: Db; readonly paging: Paging; readonly streams: LiveStreams };

const mediaType = 'text/event-stream';
const description = `
Server-sent events (the WHATWG's HTML standard, 9.2), as they are committed. \`reading\` has a measurement (\`point_id\`, \`asset_id\`,
\`site\`, \`time\`, \`value\`, \`quality\`); it also comes for one that was late or has been corrected, not for one that was taken out. All others
are entries of the event log, as \`GET /events/{id}\` has them; \`GET /event-types\` has their schemas (\`id\`, \`type\`, \`at\`, \`site\`, \`asset_id\`, \`subject\`, \`actor\`, \`changes\`, \`data\`).

**Coming back.** Send the last \`id\` as \`Last-Event-ID\`, as browsers do by themselves: what was committed since then follows, each
thing at least once. Events that belong together carry one id, with the last of them.

**\`resume\`** is the last event of a stream that ends and may be opened again at once, from its last id: you read too slowly
(\`too_slow\`), the server closes (\`server_closing\`), or the rights of the key have changed (\`access_changed\`). **\`closed\`** is the last
one where the key has expired or was revoked (\`api_key_ended\`), or the log-in has ended (\`session_ended\`).

**\`gap\`** says that something is not told: of \`types\`, what was stored from \`start\` to \`end\`, and in \`reason\` why (\`too_old\`: readings can
be resumed for an hour; \`too_many\`; \`other_history\`). Read readings of that time from history, and the objects themselves anew.

Safe: it changes nothing.`.trim();

/** The live stream, of the tenant or of a site: what has happened, until one of the two parties ends it. */
export function streamRoutes(app: RouteScope, mount: Mount, { db, paging, streams }: Needs): void {
  const schema = {
    operationId: mount.operationId('streamEvents'),
    summary: 'Follow readings, insights, work orders and devices live',
    description,
    tags: ['Live stream'],
    params: mount.listParams,
    querystring: streamQuery[mount.name],
    headers: z.object({ 'last-event-id': z.string().max(8_000).optional().describe('The last id that was received.') }),
    response: { 200: { description: 'The stream.', content: { [mediaType]: { schema: z.string() } } } },
  };
  app.get(mount.list('stream'), { config: { scope: streamScopes }, schema }, async (request, reply) => {
    const query: StreamQuery = request.query;
    const wanted = await wantedOf(db, request, query);
    const codec = createPositionCodec(paging, wanted.tenantId);
    // A browser goes on sending the query of its first request.
    const since = codec.read(request.headers['last-event-id'] || query.last_event_id);
    refuseTooMany(streams, callerIdOf(request.area.caller));
    if (request.method === 'HEAD') return reply.type(mediaType).send('');
    return follow(request, reply, { streams, wanted, codec, since });
  });
}

/** With what a stream ends: the API key, or the log-in. */
function rightsIdOf({ keyId, sessionId }: Caller): string {
  const id = keyId ?? sessionId;
  assert(id !== null, 'a request comes with a key or of a log-in');
  return id;
}

function refuseTooMany({ hub, limits }: LiveStreams, holderId: string): void {
  if (hub.count(holderId) >= limits.ofKeyMax) throw refusals.tooManyStreams(limits.ofKeyMax);
  if (hub.count() >= limits.inAllMax) throw refusals.streamsBusy();
}

type Following = {
  readonly streams: LiveStreams;
  readonly wanted: Wanted;
  readonly codec: PositionCodec;
  readonly since: Position | undefined;
};

/** Joins the hub; the head goes out when the stream has begun, so that it is told all that comes after it. */
async function follow(
  { area: { caller } }: FastifyRequest,
  reply: FastifyReply,
  { streams: { hub, limits }, wanted, codec, since }: Following,
): Promise<FastifyReply> {
  let outbox: Outbox | undefined;
  const listener: Listener = {
    holderId: callerIdOf(caller),
    rights: { id: rightsIdOf(caller), scopes: caller.scopes, siteIds: caller.siteIds },
    isPerson: caller.keyId === null,
    wanted,
    since,
    onJoined: (from) => {
      reply.hijack();
      const { raw } = reply;
      reply.headers({ 'content-type': mediaType, 'cache-control': 'no-store', 'x-accel-buffering': 'no' });
      raw.writeHead(200, reply.getHeaders() as OutgoingHttpHeaders);
      outbox = createOutbox(raw, { firstId: codec.write(from), limits });
    },
    isReady: () => outbox?.isIdle ?? false,
    put: (events, after) => outbox?.put(events, codec.write(after)),
    end: (type, reason) => outbox?.end(type, reason),
  };
  reply.raw.once('close', () => hub.leave(listener));
  // Who went away before this is heard of no more, and would keep a place for ever.
  if (reply.raw.closed) return reply.hijack();
  await hub.join(listener);
  return outbox ? reply : reply.hijack();
}
