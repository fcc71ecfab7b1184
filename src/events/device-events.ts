import type { PresenceChange } from '../access/presence-store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { appendEvents } from './store.ts';

/** Appends that devices came online or went offline, in the transaction that records it. */
export function appendPresenceEvents(trx: Db, changes: readonly PresenceChange[]): Promise<void> {
  return appendEvents(
    trx,
    changes.map(({ deviceId, tenantId, siteId, name, type, reason, clientId, address, at }) => ({
      tenantId,
      siteId,
      type,
      subject: { kind: 'device', id: deviceId },
      assetId: null,
      actor: reason === 'process_lost' ? { kind: 'system' } : { kind: 'device', id: deviceId },
      changes: [{ field: 'online', from: type === 'device.offline', to: type === 'device.online' }],
      data: { id: deviceId, name, reason, client_id: clientId, address, at: formatInstant(new Date(at)) },
    })),
  );
}
