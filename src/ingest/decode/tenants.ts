/**
 * What messages need to know of their tenants and devices when the topic alone does not tell: templates, the default site,
 * where a device is at home. Asked of the database for a whole batch at once, and never by messages under `telemetry/`.
 */
import type { Device } from '../../access/device.ts';
import type { Db } from '../../platform/database.ts';
import { compileTemplate, createTemplateSet, type TemplateSet } from '../templates/compile.ts';
import { listEnabledTemplates } from '../templates/template-store.ts';
import { type HomeRow, listHomes, listTenants } from './directory-store.ts';

export type KnownTenant = {
  /** The slug of the site of what names none; null for a tenant without sites. */
  readonly defaultSite: string | null;
  readonly templates: TemplateSet;
};
export type Home = Pick<HomeRow, 'site' | 'asset'>;

export type Tenants = {
  /** Tenants as they were a second ago at most, by id. */
  findTenants(tenantIds: ReadonlySet<string>): Promise<ReadonlyMap<string, KnownTenant>>;
  /** Homes of devices as they were some seconds ago at most; one whose session began later is asked for anew. */
  findHomes(devices: ReadonlySet<Device>): Promise<ReadonlyMap<Device, Home>>;
};

/** Within these times a change is noticed, in milliseconds. */
const tenantFreshMs = 1_000;
const homeFreshMs = 10_000;
const tenantsMax = 5_000;
const templatesMax = 20_000;

type Kept = KnownTenant & { readonly version: string; readonly size: number; checkedAt: number };

/** Nothing is known at first. */
export function createTenants(db: Db): Tenants {
  const known = new Map<string, Kept>();
  let templateCount = 0;
  // A device of a later session is another object, and what is known of this one goes with it.
  const homes = new WeakMap<Device, { home: Home; loadedAt: number }>();

  const keep = (tenantId: string, kept: Kept) => {
    templateCount += kept.size - (known.get(tenantId)?.size ?? 0);
    known.set(tenantId, kept);
  };

  const refresh = async (tenantIds: readonly string[]) => {
    if (known.size > tenantsMax || templateCount > templatesMax) {
      known.clear();
      templateCount = 0;
    }
    const checkedAt = performance.now();
    const rows = await listTenants(db, tenantIds);
    const changed = rows.filter(({ tenantId, templatesVersion }) => known.get(tenantId)?.version !== templatesVersion);
    const sets = await loadTemplates(
      db,
      changed.map(({ tenantId }) => tenantId),
    );
    for (const { tenantId, defaultSite, templatesVersion: version } of rows) {
      const templates = sets.get(tenantId) ?? known.get(tenantId) ?? nothing;
      keep(tenantId, { defaultSite, version, checkedAt, templates: templates.templates, size: templates.size });
    }
  };

  return {
    findTenants: async (tenantIds) => {
      const now = performance.now();
      const stale = [...tenantIds].filter(
        (id) => now - (known.get(id)?.checkedAt ?? Number.NEGATIVE_INFINITY) > tenantFreshMs,
      );
      const before = new Map([...tenantIds].map((id) => [id, known.get(id)]));
      if (stale.length > 0) await refresh(stale);
      const found = new Map<string, KnownTenant>();
      for (const id of tenantIds) {
        const tenant = known.get(id) ?? before.get(id);
        if (tenant) found.set(id, tenant);
      }
      return found;
    },
    findHomes: async (devices) => {
      const now = performance.now();
      const missing = [...devices].filter(
        (device) => now - (homes.get(device)?.loadedAt ?? -homeFreshMs) >= homeFreshMs,
      );
      const rows =
        missing.length > 0
          ? await listHomes(
              db,
              missing.map(({ id }) => id),
            )
          : [];
      const byId = new Map(rows.map(({ deviceId, site, asset }) => [deviceId, { site, asset }]));
      for (const device of missing) {
        homes.set(device, { home: byId.get(device.id) ?? { site: null, asset: device.username }, loadedAt: now });
      }
      return new Map(
        [...devices].flatMap((device) => {
          const kept = homes.get(device);
          return kept ? [[device, kept.home] as const] : [];
        }),
      );
    },
  };
}

type Loaded = { readonly templates: TemplateSet; readonly size: number };
const nothing: Loaded = { templates: createTemplateSet([]), size: 0 };

async function loadTemplates(db: Db, tenantIds: readonly string[]): Promise<ReadonlyMap<string, Loaded>> {
  if (tenantIds.length === 0) return new Map();
  const records = Map.groupBy(await listEnabledTemplates(db, tenantIds), ({ tenantId }) => tenantId);
  return new Map(
    tenantIds.map((tenantId) => {
      // One that was stored by rules of an earlier version of this program, and is wrong by today's, reads nothing.
      const compiled = (records.get(tenantId) ?? []).flatMap(({ id, ...definition }) => {
        const outcome = compileTemplate(id, definition);
        return 'template' in outcome ? [outcome.template] : [];
      });
      return [tenantId, { templates: createTemplateSet(compiled), size: compiled.length }];
    }),
  );
}
