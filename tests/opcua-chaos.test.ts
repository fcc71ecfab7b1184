/** A minute of what `npm run test:chaos:opcua` does for two: the link, the server and the program break, one after the other. */
import { expect, test } from 'vitest';
import { runOpcuaChaos } from './chaos/opcua-run.ts';

test('whatever breaks between a server and the table: no sample of 1,000 items at 10 Hz is missing, and none is there twice', async () => {
  const lines: string[] = [];
  const { verdict, recoveredAfter } = await runOpcuaChaos({
    items: 1_000,
    cut: 4,
    dropped: 8,
    frozen: 3,
    serverAway: 2,
    programAway: 3,
    history: true,
    say: (line) => lines.push(line),
  });
  expect(verdict, lines.join('\n')).toMatchObject({ items: 1_000, missing: 0, unexplained: 0, twice: 0 });
  expect(verdict.made).toBeGreaterThan(300);
  expect([...recoveredAfter.keys()]).toEqual([
    'link cut',
    'packets dropped',
    'server frozen',
    'server killed',
    'program killed',
  ]);
});
