/**
 * Connections on behalf of one tenant: of the role faultline_api, to which row-level security shows that tenant's rows and no
 * others (migration 0045). The stores name the tenant in every statement; this holds where one forgets.
 *
 *   request ──enter──▶ scope ──lends──▶ connection: set role, once ─▶ whose tenant? another's: set it, one trip ─▶ statements
 *                        └ nobody's: an error, and no connection
 *
 * A connection remembers whose it was last, so most are lent without a trip. What serves all tenants (authentication, jobs, rules,
 * ingest) has connections of the owner of the tables, whom row-level security does not hold.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type pg from 'pg';
import type { Lending } from './database.ts';

/** The role; the migration makes it. */
export const restrictedRole = 'faultline_api';

const tenants = new AsyncLocalStorage<string>();

/** Does work on behalf of a tenant: connections that are asked for within are its own, also after an await. */
export function inTenant<T>(tenantId: string, work: () => T): T {
  return tenants.run(tenantId, work);
}

/** Work as it was begun on behalf of a tenant, for whoever calls it later from elsewhere, such as a stream that has drained. */
export function keepingTenant<Given extends unknown[], T>(work: (...given: Given) => T): (...given: Given) => T {
  return AsyncLocalStorage.bind(work);
}

/** How a pool lends its connections: restricted, and to the tenant on whose behalf they are asked for. */
export function restrictedLending(): Lending {
  const lentTo = new WeakMap<pg.ClientBase, string>();
  return {
    connected: async (client) => {
      await client.query(`set role ${restrictedRole}`);
    },
    borrower: () => {
      const tenantId = tenants.getStore();
      if (tenantId === undefined) throw new Error('a connection was asked for on behalf of no tenant');
      return tenantId;
    },
    lent: async (client, tenantId) => {
      if (lentTo.get(client) === tenantId) return;
      // For the session, outside of any transaction: one that is rolled back would take it along.
      await client.query(`select set_config('faultline.tenant_id', $1, false)`, [tenantId]);
      lentTo.set(client, tenantId);
    },
  };
}
