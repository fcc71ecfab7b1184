/** A server that makes no subscriptions, one that makes few, and one whose state is not Running. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { numberItems, startCollecting, until } from './support/opcua-collecting.ts';
import { startCuttingProxy } from './support/opcua-proxy.ts';
import { startOpcuaServer } from './support/opcua-server.ts';

test('what a server does not monitor is read in batches, and an outage is a gap', async () => {
  const server = await startOpcuaServer({ items: 20, hz: 10, subscriptions: 'unsupported', nodesPerReadMax: 6 });
  const proxy = await startCuttingProxy(server.port);
  const collecting = await startCollecting(`opc.tcp://127.0.0.1:${proxy.port}`, { items: numberItems(20) });
  try {
    await until(() => collecting.values.length > 200, 'values come');
    expect(collecting.trouble()?.code).toBe('items_polled');
    expect(collecting.items.get(20)).toMatchObject({
      state: 'polled',
      status: 'BadServiceUnsupported',
      revisedBridgeMs: null,
      detail: expect.stringMatching(/read every 100 ms/),
    });
    proxy.cut();
    await sleep(1_500);
    proxy.heal();
    await until(() => collecting.gaps.length === 20, 'a gap for each', 10_000);
    expect(new Set(collecting.gaps.map(({ reason }) => reason))).toEqual(new Set(['link_lost']));
    const before = collecting.values.length;
    await until(() => collecting.values.length > before + 100, 'values come again');
  } finally {
    await collecting.collector.close();
    await proxy.close();
    await server.stop();
  }
});

test('where a subscription is full another is made, and where none is left the rest is read', async () => {
  const server = await startOpcuaServer({
    items: 20,
    hz: 10,
    monitoredItemsPerSubscriptionMax: 8,
    subscriptionsMax: 2,
  });
  const collecting = await startCollecting(server.endpointUrl, { items: numberItems(20) });
  try {
    await until(
      () => [...collecting.items.values()].filter(({ state }) => state !== 'new').length === 20,
      'all are told of',
    );
    const states = Map.groupBy(collecting.items.values(), ({ state }) => state);
    expect(states.get('monitored')).toHaveLength(16);
    expect(states.get('polled')).toHaveLength(4);
    await until(() => numberItems(20).every(({ id }) => collecting.valuesOf(id).length > 5), 'all are read');
    expect(collecting.trouble()?.code).toBe('items_polled');

    await server.setServerState('Suspended');
    await until(() => collecting.trouble()?.code === 'server_not_running', 'the state is noticed', 8_000);
    expect(collecting.state()).toBe('degraded');
    await server.setServerState('Running');
    await until(() => collecting.trouble()?.code === 'items_polled', 'and that it is over', 8_000);
  } finally {
    await collecting.collector.close();
    await server.stop();
  }
});
