/**
 * What a process knows of its devices' sessions and has not written yet. Sessions are counted, so it does not matter
 * whether a session that takes another over is told of before or after the end of that one.
 */
import { newId } from '../platform/id.ts';
import type { Presence } from './presence.ts';
import type { DevicePresence, SessionEvent } from './presence-store.ts';

type Page = { readonly tenantId: string; sessions: number; isTakenOver: boolean; events: SessionEvent[] };

/** Of one device, as many as its history keeps, and of all; the oldest beyond that are forgotten, the number of sessions never is. */
const eventsOfDeviceMax = 1_000;
const eventsMax = 20_000;
const seenMax = 50_000;

/** An empty book. It holds a page for each device with sessions or with something to be written. */
export function createPresenceBook() {
  const pages = new Map<string, Page>();
  const changed = new Set<string>();
  let seen = new Map<string, number>();
  let eventCount = 0;
  let lost = 0;

  const open = (deviceId: string, tenantId: string): Page => {
    const page = pages.get(deviceId) ?? { tenantId, sessions: 0, isTakenOver: false, events: [] };
    pages.set(deviceId, page);
    changed.add(deviceId);
    return page;
  };
  const add = (page: Page, event: SessionEvent) => {
    if (page.events.length < eventsOfDeviceMax && eventCount < eventsMax) eventCount++;
    else {
      lost++;
      if (page.events.shift() === undefined) return;
    }
    page.events.push(event);
  };

  return {
    note: (presence: Presence): void => {
      const { device, isOnline, at } = presence;
      const page = open(device.id, device.tenantId);
      add(page, { ...eventOf(presence), isEdge: moveOn(page, presence) });
      if (isOnline) seen.set(device.id, Math.max(seen.get(device.id) ?? 0, at));
    },
    noteSeen: (deviceId: string, at: number): void => {
      if (seen.size < seenMax || seen.has(deviceId)) seen.set(deviceId, at);
    },
    hasChanges: () => changed.size > 0,
    /** Every device with sessions is to be written again. */
    markAll: (): void => {
      for (const id of pages.keys()) changed.add(id);
    },
    /** At most so many devices that changed, with what is to be written of them; whoever fails gives them back. */
    take: (devicesMax: number): DevicePresence[] => {
      const taken: DevicePresence[] = [];
      for (const deviceId of changed) {
        if (taken.length >= devicesMax) break;
        changed.delete(deviceId);
        const page = pages.get(deviceId);
        if (!page) continue;
        const { tenantId, sessions, events } = page;
        taken.push({ deviceId, tenantId, sessions, events });
        eventCount -= events.length;
        page.events = [];
        if (sessions === 0) pages.delete(deviceId);
      }
      return taken;
    },
    giveBack: (devices: readonly DevicePresence[]): void => {
      for (const { deviceId, tenantId, events } of devices) {
        const page = open(deviceId, tenantId);
        const newer = page.events;
        eventCount -= newer.length;
        page.events = [];
        for (const event of [...events, ...newer]) add(page, event);
      }
    },
    takeSeen: (): ReadonlyMap<string, number> => {
      const taken = seen;
      seen = new Map();
      return taken;
    },
    /** How many events were forgotten since it was asked last. */
    takeLost: (): number => {
      const taken = lost;
      lost = 0;
      return taken;
    },
  };
}

/** Counts the session, and tells whether it was the first of the device here that began, or the last that ended. */
function moveOn(page: Page, { isOnline, reason }: Presence): boolean {
  if (isOnline) {
    page.sessions++;
    const isEdge = page.sessions === 1 && !page.isTakenOver;
    page.isTakenOver = false;
    return isEdge;
  }
  page.sessions = Math.max(0, page.sessions - 1);
  // Whoever took it over is connected, whether or not that has been told yet.
  page.isTakenOver = page.sessions === 0 && reason === 'taken_over';
  return page.sessions === 0 && !page.isTakenOver;
}

function eventOf({ clientId, isOnline, reason, at, address }: Presence): Omit<SessionEvent, 'isEdge'> {
  return { id: newId(), isStart: isOnline, reason, clientId: clientId.slice(0, 200), address: address ?? null, at };
}
