/**
 * A minute of what `npm run test:chaos` does for five: the program is killed, PostgreSQL is killed, shut down and frozen,
 * connections are cut in the middle of a packet, and readings are sent twice, while twenty-four devices send.
 */
import { expect, test } from 'vitest';
import { type ChaosReport, runChaos } from './chaos/run.ts';

test('whatever breaks: all that was acknowledged is there, each once, and what was sent twice is counted as such', async () => {
  const lines: string[] = [];
  const report = await runChaos({ seconds: 60, seed: 4, stoppedSeconds: 6, say: (line) => lines.push(line) });
  const context = lines.join('\n');
  for (const qos of [1, 2] as const) {
    const { sent, acknowledged, stored, missing, twice, strange, unacknowledged } = report.verdicts[qos];
    expect({ qos, missing, twice, strange, unacknowledged }, context).toEqual({
      qos,
      missing: 0,
      twice: 0,
      strange: 0,
      unacknowledged: 0,
    });
    expect(acknowledged).toBe(sent);
    expect(stored).toBe(sent);
    expect(sent).toBeGreaterThan(1_000);
  }
  expect(report.verdicts[0]).toMatchObject({ twice: 0, strange: 0 });
  expectEverything(report);
});

/** Each kind of event came, devices were told to come back later, and readings were sent twice. */
function expectEverything({ events, refused, repeatedAtLast, countedAtLast, dropped, verdicts }: ChaosReport): void {
  expect(events.size).toBe(5);
  expect(refused).toBeGreaterThan(0);
  expect(verdicts[1].repeated + verdicts[2].repeated).toBeGreaterThan(100);
  expect(repeatedAtLast).toBe(400);
  expect(countedAtLast).toBe(repeatedAtLast);
  expect(dropped).toBe(0);
}
