import type { Presence } from '../../access/presence.ts';
import type { ConnectionSpec, ConnectionState } from './connection.ts';

/** The device of a connection is online while values can come. */
export function createOnline({ device, endpointUrl }: ConnectionSpec, presence: { record(presence: Presence): void }) {
  const address = /^opc\.tcp:\/\/([^/]+?)(:\d+)?(\/|$)/.exec(endpointUrl)?.[1];
  let isOnline = false;
  const set = (to: boolean, reason: Presence['reason']) => {
    if (isOnline === to) return;
    isOnline = to;
    presence.record({ device, clientId: endpointUrl, isOnline, reason, at: Date.now(), address });
  };
  return {
    note: (state: ConnectionState) => {
      const isConnected = state === 'connected' || state === 'degraded';
      set(isConnected, isConnected ? 'connected' : 'connection_lost');
    },
    end: (reason: 'shutdown' | 'disconnected') => set(false, reason),
  };
}
