/** `npm run simulate`: what speaks to Faultline from outside, plants with physics or a trend log played again. */
import { UsageError } from './arguments.ts';
import { opcuaHelp, simulateOpcua } from './simulate-opcua.ts';
import { plantHelp, simulatePlant } from './simulate-plant.ts';
import { replayHelp, simulateReplay } from './simulate-replay.ts';

const commands: Record<string, (args: string[]) => Promise<void>> = {
  plant: simulatePlant,
  opcua: simulateOpcua,
  replay: simulateReplay,
};

const [command, ...args] = process.argv.slice(2);
try {
  if (command === undefined || command === '--help' || command === '-h') {
    console.log([plantHelp, opcuaHelp, replayHelp].join('\n\n'));
  } else if (!commands[command])
    throw new UsageError(`unknown command ${command}; there are ${Object.keys(commands).join(', ')}`);
  else await commands[command](args);
} catch (cause) {
  if (!(cause instanceof UsageError)) throw cause;
  console.error(`simulate: ${cause.message}`);
  process.exitCode = 2;
}
