/**
 * Breaks everything under devices that send, and counts what is lost:
 *
 *   npm run test:chaos -- [--seconds 300] [--seed n] [--stopped 30]
 *
 * Prints a line for each event and a table at the end; ends with 1 when anything that was acknowledged is missing, or
 * anything is stored twice. A seed repeats the order of events; what the network and the disk do it does not repeat.
 */
import { parseArgs } from 'node:util';
import { type ChaosReport, runChaos } from './run.ts';
import type { Verdict } from './verdict.ts';

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    stopped: { type: 'string', default: '30' },
  },
});
const [seconds, seed, stoppedSeconds] = [Number(flags.seconds), Number(flags.seed), Number(flags.stopped)];
if (![seconds, seed, stoppedSeconds].every((value) => Number.isFinite(value) && value >= 0)) {
  throw new Error('--seconds, --seed and --stopped are numbers');
}
const say = (line: string) => console.log(line);
say(`${seconds} s, seed ${seed}, PostgreSQL away for ${stoppedSeconds} s each time`);
const report = await runChaos({ seconds, seed, stoppedSeconds, say });
print(report);
process.exitCode = faultsOf(report).length > 0 ? 1 : 0;

function print(report: ChaosReport): void {
  const row = (name: string, ...cells: (number | string)[]) =>
    say(name.padEnd(28) + cells.map((cell) => cell.toLocaleString('en').padStart(12)).join(''));
  const of = (key: keyof Verdict, isPromised = false) =>
    report.verdicts.map((verdict, qos) => (isPromised && qos === 0 ? 'no promise' : verdict[key]));
  say('');
  row('', 'QoS 0', 'QoS 1', 'QoS 2');
  row('sent', ...of('sent'));
  row('acknowledged', ...of('acknowledged', true));
  row('stored', ...of('stored'));
  row('acknowledged and missing', ...of('missing', true));
  row('stored twice', ...of('twice'));
  row('stored otherwise than sent', ...of('strange'));
  row('never acknowledged', ...of('unacknowledged', true));
  row('sent twice on purpose', ...of('repeated', true));
  say('');
  for (const [event, count] of report.events) row(event, count);
  row('told to come back later', report.refused);
  row('QoS 0 dropped by the program', report.dropped);
  row('sent once more in the end', report.repeatedAtLast);
  row('and counted as duplicates', report.countedAtLast);
  say('');
  for (const fault of faultsOf(report)) say(`WRONG: ${fault}`);
  if (faultsOf(report).length === 0) say('nothing that was acknowledged is missing, and nothing is stored twice');
}

function faultsOf({ verdicts, repeatedAtLast, countedAtLast }: ChaosReport): string[] {
  const faults = verdicts.flatMap(({ missing, twice, strange, unacknowledged }, qos) => [
    ...(missing > 0 ? [`${missing} acknowledged readings of QoS ${qos} are missing`] : []),
    ...(twice > 0 ? [`${twice} readings of QoS ${qos} are stored twice`] : []),
    ...(strange > 0 ? [`${strange} readings of QoS ${qos} are stored otherwise than they were sent`] : []),
    ...(unacknowledged > 0 ? [`${unacknowledged} messages of QoS ${qos} were never acknowledged`] : []),
  ]);
  if (repeatedAtLast !== countedAtLast) {
    faults.push(`of ${repeatedAtLast} readings that were sent once more ${countedAtLast} were counted as duplicates`);
  }
  return faults;
}
