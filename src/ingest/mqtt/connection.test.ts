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
    isGateOpen: () => isGateOpen,
    onRelease: () => undefined,
    onRefused: () => undefined,
  });
  connection.stream.resume();
  device.write(mqttPacket.generate({ cmd: 'connect', clientId: 'a', keepalive: 1, clean: true } as never));
  await once(socket, 'data');
  connection.admit();
  device.write(mqttPacket.generate({ cmd: 'publish', topic: 'a', payload: Buffer.alloc(40_000), qos: 0 } as never));
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
