import type { Device } from '../../../access/device.ts';
import { isCovered } from '../../../access/device-grants.ts';

/**
 * Whether a device may subscribe to a filter: its own topics, `devices/{username}/#`, and what its grants for subscribing
 * cover. Never to what begins with `$`: no statistics are published under `$SYS`, and shared subscriptions (`$share`) are
 * no part of MQTT 3.1.1.
 */
export function maySubscribe({ username, subscribeGrants }: Device, filter: string): boolean {
  if (filter.startsWith('$')) return false;
  return isOwn(username, filter) || isCovered(subscribeGrants, filter);
}

/** Below `devices/{username}`, for a user name that is one level and no wildcard. */
function isOwn(username: string, filter: string): boolean {
  if (/[+#/]/.test(username) || username === '') return false;
  return filter === `devices/${username}` || filter.startsWith(`devices/${username}/`);
}
