/** What one device does on purpose, and what those beside it must not feel of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { publishPacket, type RawClient } from './support/mqtt-client.ts';
import { useIngest } from './support/mqtt-door.ts';

const { ingest, connected } = useIngest();

const subscribePacket = (filters: readonly string[], qos: 0 | 1 = 1) =>
  ({
    cmd: 'subscribe',
    messageId: 1,
    subscriptions: filters.map((topic) => ({ topic, qos })),
  }) as Parameters<RawClient['send']>[0];

test('a device that is away with queues as full as they get takes no message from another tenant', async () => {
  const another = await ingest().addTenant();
  await ingest().addDevice('hog', ['devices/hog/#'], [], another);
  await ingest().addDevice('panel', ['telemetry/north/#'], ['telemetry/north/#']);
  for (let i = 0; i < 17; i++) {
    const away = await connected({ username: 'hog', clientId: `away-${i}`, clean: false });
    away.send(subscribePacket(['devices/hog/#']));
    expect(await away.next()).toMatchObject({ cmd: 'suback', granted: [1] });
    away.send({ cmd: 'disconnect' });
    await away.closed();
  }
  const hog = await connected({ username: 'hog', clientId: 'hog' });
  // 64 KiB with its topic and what it takes beside: sixteen queues of 4 MiB are all that there is.
  const payload = Buffer.alloc(65_536 - 'devices/hog/x'.length - 100);
  for (let i = 1; i <= 64; i++) hog.send(publishPacket('devices/hog/x', payload, i));
  for (let i = 1; i <= 64; i++) expect(await hog.next()).toMatchObject({ cmd: 'puback' });

  const panel = await connected({ username: 'panel', clientId: 'panel' });
  panel.send(subscribePacket(['telemetry/north/#']));
  expect(await panel.next()).toMatchObject({ cmd: 'suback', granted: [1] });
  const gateway = await connected();
  gateway.send(publishPacket('telemetry/north/ahu/sat', '21', 1));
  expect(await panel.next()).toMatchObject({ cmd: 'publish', topic: 'telemetry/north/ahu/sat' });
});

test('a device with many long grants that subscribes to everything at once keeps nobody waiting', async () => {
  const long = Array.from({ length: 50 }, (_, i) => `${'+/'.repeat(250)}${i}`);
  await ingest().addDevice('many', long, long);
  const gateway = await connected();
  const many = await connected({ username: 'many', clientId: 'many' });
  const before = process.cpuUsage();
  many.send(subscribePacket(Array.from({ length: 130_000 }, () => 'abc')));
  await sleep(50);
  gateway.send({ cmd: 'pingreq' });
  expect(await gateway.next()).toMatchObject({ cmd: 'pingresp' });
  const answer = await many.next();
  expect(answer).toMatchObject({ cmd: 'suback' });
  expect(new Set((answer as { granted: number[] }).granted)).toEqual(new Set([0x80]));
  // Of the processor, whatever else a machine has to do: half a second, and thirty times that where grants are taken apart each time.
  expect(process.cpuUsage(before).user).toBeLessThan(4_000_000);
});
