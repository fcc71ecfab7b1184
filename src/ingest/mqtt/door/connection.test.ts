import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import mqttPacket from 'mqtt-packet';
import { expect, test } from 'vitest';
import { createMqttConnection } from './connection.ts';

test('a device whose socket was left alone counts as heard when it is read again, not as silent since before', async () => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const device = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  let isGateOpen = false;
  const connection = createMqttConnection(socket, {
    remoteAddress: '127.0.0.1',
    isGateOpen: () => isGateOpen,
    takeRoom: () => true,
    onConnect: () => undefined,
    onLost: () => undefined,
    onRelease: () => undefined,
    onRefused: () => undefined,
  });
  connection.stream.resume();
  device.write(mqttPacket.generate({ cmd: 'connect', clientId: 'a', keepalive: 1, clean: true } as never));
  await once(socket, 'data');
  connection.admit();
  device.write(mqttPacket.generate({ cmd: 'publish', topic: 'a', payload: Buffer.alloc(300_000), qos: 0 } as never));
  await expect.poll(() => socket.isPaused()).toBe(true);
  isGateOpen = true;
  const resumedAt = performance.now();
  connection.pump();
  expect(socket.isPaused()).toBe(false);
  expect(connection.heardAt()).toBeGreaterThanOrEqual(resumedAt);
  connection.pump();
  const heardAt = connection.heardAt();
  connection.pump();
  expect(connection.heardAt()).toBe(heardAt);
  device.destroy();
  connection.destroy();
  server.close();
});

test('the less all connections hold, the more of one is read on behind its gate', async () => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const heldByAll = { bytes: 0 };
  const device = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = (await once(server, 'connection')) as [Socket];
  const connection = createMqttConnection(socket, {
    remoteAddress: '127.0.0.1',
    onConnect: () => undefined,
    takeRoom: () => true,
    heldByAll,
    isGateOpen: () => false,
    onRelease: () => undefined,
    onLost: () => undefined,
    onRefused: () => undefined,
  });
  connection.stream.resume();
  device.write(mqttPacket.generate({ cmd: 'connect', clientId: 'a', keepalive: 1, clean: true } as never));
  await once(socket, 'data');
  connection.admit();
  const publish = (bytes: number) =>
    device.write(mqttPacket.generate({ cmd: 'publish', topic: 'a', payload: Buffer.alloc(bytes), qos: 0 } as never));
  publish(100_000);
  await expect.poll(() => heldByAll.bytes).toBeGreaterThan(100_000);
  expect(socket.isPaused()).toBe(false);
  // Others come to hold all that there is room for.
  heldByAll.bytes += 32 * 1_024 * 1_024;
  publish(10);
  await expect.poll(() => socket.isPaused()).toBe(true);
  socket.destroy();
  await once(socket, 'close');
  expect(heldByAll.bytes).toBe(32 * 1_024 * 1_024);
  device.destroy();
  server.close();
});
