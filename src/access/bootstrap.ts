/**
 * What an installation has on its first day: a tenant with an administrator who can log in, a site that discovers what its
 * devices send, one API key and one device. Credentials that the settings name exist after every start, a password as it is named
 * now; those that they leave open are made once and can be read once.
 */
import type { Config } from '../platform/config.ts';
import type { Db } from '../platform/database.ts';
import { ensureAdmin, type MadeAdmin } from './bootstrap-admin.ts';
import { createDevice, ensureDevice } from './device.ts';
import { newPassword } from './password.ts';
import { createApiKey, ensureApiKey } from './store.ts';
import { findFirstTenant, insertTenant, lockBootstrap } from './tenant-store.ts';

/** Credentials that were made at this start, for the one time that they can be shown. */
export type Made = {
  readonly admin?: MadeAdmin;
  readonly apiKey?: string;
  readonly device?: { readonly username: string; readonly password: string };
};

/** The user name of the first device, unless the settings have another. */
export const firstDevice = 'gateway';

export const firstSite = { slug: 'main', name: 'Main site' } as const;

/** Sets up an empty database, and sees to the credentials of the settings in any. */
export async function bootstrap(db: Db, config: Config): Promise<Made> {
  return db.transaction().execute(async (trx) => {
    await lockBootstrap(trx);
    const known = await findFirstTenant(trx);
    const tenant =
      known ??
      (await insertTenant(trx, {
        name: 'Default',
        siteSlug: firstSite.slug,
        siteName: firstSite.name,
        timeZone: 'UTC',
        discovery: true,
        email: config.BOOTSTRAP_ADMIN_EMAIL,
      }));
    const key = {
      tenantId: tenant.id,
      name: 'bootstrap',
      scopes: ['read', 'write', 'admin'],
      createdBy: tenant.adminId,
      rateLimitPerMinute: null,
    };
    const username = config.BOOTSTRAP_MQTT_USERNAME ?? firstDevice;
    const device = { tenantId: tenant.id, name: username, username, grants: ['telemetry/#'] };
    if (config.BOOTSTRAP_API_KEY) await ensureApiKey(trx, { ...key, secret: config.BOOTSTRAP_API_KEY });
    const given = config.BOOTSTRAP_MQTT_PASSWORD;
    if (given && !(await ensureDevice(trx, { ...device, password: given }))) {
      throw new Error(
        `BOOTSTRAP_MQTT_USERNAME "${username}" is the user name of a device of another tenant; choose another`,
      );
    }
    const admin = await ensureAdmin(trx, tenant.id, config);
    const made = admin === undefined ? {} : { admin };
    if (known) return made;
    const password = newPassword();
    return {
      ...made,
      ...(config.BOOTSTRAP_API_KEY ? {} : { apiKey: (await createApiKey(trx, key)).secret }),
      ...(given || !(await createDevice(trx, { ...device, password })) ? {} : { device: { username, password } }),
    };
  });
}
