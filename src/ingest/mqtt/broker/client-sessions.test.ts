import { Registry } from 'prom-client';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Device } from '../../../access/device.ts';
import { createLog } from '../../../platform/log.ts';
import { createIngestCounters } from '../../intake/counters.ts';
import { createClientSessions, type SessionLimits } from './client-sessions.ts';
import { createForwarding } from './forwarding.ts';

const limits: SessionLimits = { awayMax: 3, awayOfDeviceMax: 2, expiryMs: 60_000 };
const device = (id: string, subscribeGrants: string[] = ['#']): Device => ({
  id,
  tenantId: 't',
  username: id,
  grants: ['#'],
  subscribeGrants,
});

function start() {
  const forwarding = createForwarding({ counters: createIngestCounters(new Registry()), log: createLog('silent') });
  const budget = { bytes: 0, bytesMax: 1e9 };
  const sessions = createClientSessions({ forwarding, budget, onDropped: () => {}, limits });
  /** Opens a session that is kept, and leaves it with something that waits. */
  const visit = (deviceId: string, clientId: string) => {
    const { session, isPresent } = sessions.open({ device: device(deviceId), clientId, isClean: false });
    forwarding.subscribe(session, { filter: clientId, qos: 1 });
    sessions.leave(session);
    return isPresent;
  };
  return { forwarding, budget, sessions, visit };
}

afterEach(() => {
  vi.useRealTimers();
});

describe('sessions that are kept', () => {
  test('are there again', () => {
    const { visit } = start();
    expect([visit('d', 'a'), visit('d', 'a'), visit('e', 'a')]).toEqual([false, true, false]);
  });

  test('of one device are so many, and the one that left first is forgotten', () => {
    const { visit } = start();
    for (const clientId of ['a', 'b', 'c']) visit('d', clientId);
    expect([visit('d', 'b'), visit('d', 'c')]).toEqual([true, true]);
    expect(visit('d', 'a')).toBe(false);
  });

  test('in all are so many, whatever devices they are of', () => {
    const { visit } = start();
    for (const deviceId of ['d', 'e', 'f', 'g']) visit(deviceId, 'a');
    expect([visit('g', 'a'), visit('f', 'a'), visit('e', 'a'), visit('d', 'a')]).toEqual([true, true, true, false]);
  });

  test('are forgotten after a day, with their filters and what waits for them', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { visit, sessions, forwarding, budget } = start();
    visit('d', 'a');
    forwarding.forward(device('d'), { topic: 'a', payload: Buffer.from('x'), qos: 1, retain: false });
    expect([forwarding.isHeard('t', 'a'), budget.bytes > 0]).toEqual([true, true]);
    vi.advanceTimersByTime(limits.expiryMs - 1);
    sessions.sweep();
    expect(forwarding.isHeard('t', 'a')).toBe(true);
    vi.advanceTimersByTime(1);
    sessions.sweep();
    expect([forwarding.isHeard('t', 'a'), budget.bytes]).toEqual([false, 0]);
    expect(visit('d', 'a')).toBe(false);
  });

  test('come back without the filters that are not granted any more', () => {
    const { sessions, forwarding } = start();
    const { session } = sessions.open({ device: device('d'), clientId: 'a', isClean: false });
    for (const filter of ['kept/x', 'lost/x']) forwarding.subscribe(session, { filter, qos: 1 });
    sessions.leave(session);
    sessions.open({ device: device('d', ['kept/#']), clientId: 'a', isClean: false });
    expect([forwarding.isHeard('t', 'kept/x'), forwarding.isHeard('t', 'lost/x')]).toEqual([true, false]);
  });

  test('and without what came for those filters meanwhile', () => {
    const { sessions, forwarding, budget } = start();
    const { session } = sessions.open({ device: device('d'), clientId: 'a', isClean: false });
    forwarding.subscribe(session, { filter: '+/x', qos: 1 });
    sessions.leave(session);
    for (const topic of ['lost/x', 'kept/x']) {
      forwarding.forward(device('e'), { topic, payload: Buffer.from('1'), qos: 1, retain: false });
    }
    const sent: string[] = [];
    const { session: again } = sessions.open({ device: device('d', ['kept/#']), clientId: 'a', isClean: false });
    again.delivery.attach((packet) => sent.push(packet.toString('utf8', 4, 10)) > 0);
    expect(sent).toEqual(['kept/x']);
    again.delivery.acknowledge('puback', 1);
    expect(budget.bytes).toBe(0);
  });

  test('leave nothing behind when their client comes back clean', () => {
    const { sessions, forwarding, visit } = start();
    visit('d', 'a');
    const { session, isPresent } = sessions.open({ device: device('d'), clientId: 'a', isClean: true });
    expect([isPresent, forwarding.isHeard('t', 'a')]).toEqual([false, false]);
    sessions.leave(session);
    expect(visit('d', 'a')).toBe(false);
  });
});
