import { sql } from 'kysely';
import type { Actor, Change } from '../../events/event.ts';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import type { PageRequest, Rows } from '../../platform/paging.ts';
import type { Activity, ActivityActor } from './activity.ts';

type Which = { readonly tenantId: string; readonly id: string };

/** What has happened to a work order, the newest first: its events of the last 90 days. */
export async function listActivity(db: Db, which: Which, page: PageRequest): Promise<Rows<Activity>> {
  const events = db
    .selectFrom('event')
    .where('tenant_id', '=', which.tenantId)
    .where('subject_kind', '=', 'work_order')
    .where('subject_id', '=', which.id);
  const total = await events.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const newest = events.select(['id', 'type', 'actor', 'changes', 'data', 'at']).orderBy('id', 'desc');
  const cut = page.after ? newest.where('id', '<', page.after.id) : newest.offset(page.offset);
  const rows = await cut.limit(page.limit + 1).execute();
  const actors = rows.map(({ actor }) => actor as Actor);
  const nameOf = await namesOf(db, which.tenantId, actors);
  return {
    rows: rows.map(({ id, type, actor, changes, data, at }) => ({
      item: {
        seq: Number(id),
        type,
        actor: nameOf(actor as Actor),
        at: formatInstant(at),
        // A jsonb has its own order of names.
        changes: (changes as Change[]).map(({ field, from, to }) => ({ field, from, to })),
        data: data as Activity['data'],
      },
      position: { keys: [], id: String(id) },
    })),
    total: Number(total.count),
  };
}

/** Looks up, once for all of them, what actors are called; one that is gone is called by its id. */
async function namesOf(db: Db, tenantId: string, actors: readonly Actor[]): Promise<(actor: Actor) => ActivityActor> {
  const ids = [...new Set(actors.flatMap(idsOf))];
  const { rows } = await sql<{ id: string; name: string }>`
    select id, name from api_key where tenant_id = ${tenantId} and id = any(${ids}::uuid[])
    union all
    select id, username from app_user where tenant_id = ${tenantId} and id = any(${ids}::uuid[])
    union all
    select id, name from device where tenant_id = ${tenantId} and id = any(${ids}::uuid[])`.execute(db);
  const names = new Map(rows.map(({ id, name }) => [id, name]));
  return (actor) => {
    const { kind } = actor;
    switch (kind) {
      case 'system':
        return { kind, id: null, name: 'system', user_id: null, username: null };
      case 'key': {
        const username = actor.user_id === null ? null : (names.get(actor.user_id) ?? null);
        return { kind, id: actor.id, name: names.get(actor.id) ?? actor.id, user_id: actor.user_id, username };
      }
      case 'user': {
        const username = names.get(actor.id) ?? null;
        return { kind, id: actor.id, name: username ?? actor.id, user_id: actor.id, username };
      }
      case 'rule':
        return { kind, id: actor.id, name: actor.id, user_id: null, username: null };
      case 'device':
        return { kind, id: actor.id, name: names.get(actor.id) ?? actor.id, user_id: null, username: null };
    }
  };
}

/** The ids by which an actor's names are found. */
function idsOf(actor: Actor): string[] {
  switch (actor.kind) {
    case 'key':
      return actor.user_id === null ? [actor.id] : [actor.id, actor.user_id];
    case 'user':
    case 'device':
      return [actor.id];
    case 'rule':
    case 'system':
      return [];
  }
}
