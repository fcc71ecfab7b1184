/**
 * Breaks everything between an OPC-UA server and the table, and counts what is missing:
 *
 *   npm run test:chaos:opcua -- [--items 1000] [--cut 10] [--dropped 30] [--frozen 5] [--server-away 5] [--program-away 5] [--no-history]
 *
 * Ends with 1 where a sample is missing that the server could have given, or that no recorded gap explains, where an item has none, and
 * where it took more than ten seconds after a trouble until samples were stored again.
 */
import { parseArgs } from 'node:util';
import { runOpcuaChaos } from './opcua-run.ts';

const { values: flags } = parseArgs({
  options: {
    items: { type: 'string', default: '1000' },
    cut: { type: 'string', default: '10' },
    dropped: { type: 'string', default: '30' },
    frozen: { type: 'string', default: '5' },
    'server-away': { type: 'string', default: '5' },
    'program-away': { type: 'string', default: '5' },
    'no-history': { type: 'boolean', default: false },
  },
});
const { 'no-history': hasNoHistory, ...given } = flags;
for (const [name, value] of Object.entries(given)) if (!(Number(value) >= 0)) throw new Error(`--${name} is a number`);
const recoverySecondsMax = 10;
const say = (line: string) => console.log(line);
const report = await runOpcuaChaos({
  items: Number(flags.items),
  cut: Number(flags.cut),
  dropped: Number(flags.dropped),
  frozen: Number(flags.frozen),
  serverAway: Number(flags['server-away']),
  programAway: Number(flags['program-away']),
  history: !hasNoHistory,
  say,
});
const { verdict, recoveredAfter, gaps } = report;
say('');
for (const [trouble, seconds] of recoveredAfter) say(`${trouble.padEnd(16)} read again after ${seconds.toFixed(1)} s`);
for (const { reason, state, detail } of gaps) say(`gap              ${reason}: ${state}${detail ? `, ${detail}` : ''}`);
say(`${verdict.made} numbers of ${verdict.items} items`);
say(
  `missing          ${verdict.missing}, of which no gap explains ${verdict.unexplained} ${verdict.examples.join(', ')}`,
);
say(`stored twice     ${verdict.twice}`);
const isIncomplete =
  verdict.unexplained > 0 || (!hasNoHistory && verdict.missing > 0) || verdict.items < Number(flags.items);
const isLate = [...recoveredAfter.values()].some((seconds) => seconds > recoverySecondsMax);
const isWrong = isIncomplete || isLate || verdict.twice > 0;
say(isWrong ? 'WRONG' : 'nothing is missing that could have been had');
process.exitCode = isWrong ? 1 : 0;
