/**
 * SIGTERM and SIGINT: the doors close first, what has come in is committed and acknowledged, the database stops last, and
 * the exit code is 0.
 */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { connectGateway } from './support/gateway.ts';
import { makeDataDir, startProgram } from './support/program.ts';

const Page = z.object({ data: z.array(z.object({ id: z.string() })) });

test.concurrent.for(['SIGTERM', 'SIGINT'] as const)(
  '%s in the middle of a stream loses nothing that was acknowledged',
  async (signal, { onTestFinished }) => {
    const dataDir = await makeDataDir();
    let program = await startProgram({ dataDir: dataDir.path });
    onTestFinished(async () => {
      await program.kill('SIGKILL');
      await dataDir.remove();
    });
    const gateway = await connectGateway(program);
    const acknowledged: number[] = [];
    let isEnding = false;
    const startedAt = Date.now() - 100_000;
    const publishing = (async () => {
      for (let i = 0; !isEnding; i++) {
        const time = startedAt + i;
        const sent = gateway.publish('telemetry/main/pump-1/vibration', JSON.stringify({ value: i, time }));
        void sent.then(
          () => acknowledged.push(time),
          () => undefined,
        ); // Those without an answer are not promised.
        if (i % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const postgresPid = await program.postgresPid();
    const code = await program.kill(signal);
    isEnding = true;
    await publishing;
    await gateway.close();
    expect(code).toBe(0);
    expect(() => process.kill(postgresPid, 0)).toThrow('ESRCH');
    expect(acknowledged.length).toBeGreaterThan(100);

    program = await startProgram({ dataDir: dataDir.path });
    const points = Page.parse((await program.get('/api/v1/points')).body);
    const stored = new Set<number>();
    for (let start = startedAt; ; ) {
      const path = `/api/v1/points/${points.data[0]?.id}/readings?order=asc&limit=1000&start=${new Date(start).toISOString()}`;
      const { data } = z
        .object({ data: z.array(z.object({ time: z.coerce.date() })) })
        .parse((await program.get(path)).body);
      for (const { time } of data) stored.add(time.getTime());
      if (data.length < 1000) break;
      start = (data.at(-1)?.time.getTime() ?? 0) + 1;
    }
    expect(acknowledged.filter((time) => !stored.has(time))).toEqual([]);
  },
);
