/** `simulate opcua`: the chilled-water plant behind an OPC-UA server on the command line. */
import { createInterface } from 'node:readline';
import { type OptionTable, readChoice, readDurationSeconds, readNumber, readOptions, UsageError } from './arguments.ts';
import { type FaultTarget, parseFaultLineOf, parseFaultOptionOf } from './fault-command.ts';
import type { OpcuaPlant } from './opcua/opcua-plant.ts';
import { type FaultBoard, type PlantFault, plantFaultNames } from './opcua/plant-faults.ts';
import { seasons } from './plant/weather.ts';

const table: OptionTable = {
  host: { type: 'string' },
  port: { type: 'string' },
  folder: { type: 'string' },
  user: { type: 'string', multiple: true },
  anonymous: { type: 'boolean' },
  none: { type: 'boolean' },
  'trusted-only': { type: 'boolean' },
  'fan-coils': { type: 'string' },
  season: { type: 'string' },
  seed: { type: 'string' },
  'time-scale': { type: 'string' },
  every: { type: 'string' },
  history: { type: 'string' },
  fault: { type: 'string', multiple: true },
  help: { type: 'boolean', short: 'h' },
};

const usualUser = 'operator:operator';

export const opcuaHelp = `npm run simulate -- opcua [options]

  A chiller, its pumps and tower and the fan coils that they serve, behind an OPC-UA server, until Ctrl-C.

  --port 4840, --host 127.0.0.1  where it listens; port 0 is a free one
  --folder data/simulate-opcua   its certificate, made the first time, and the certificates of clients
  --user ${usualUser}       repeatable; users and their passwords
  --anonymous                    also without a user
  --none                         also endpoints without signature and encryption
  --trusted-only                 refuse clients whose certificate does not lie in trusted/certs of the folder
  --fan-coils 92                 FC-001 to FC-N, ten variables each; 92 make about 1,000 variables in all
  --season summer                ${seasons.join(', ')}
  --seed 1                       the same seed gives the same plant
  --time-scale 1                 plant seconds in a second of the wall clock
  --every 1s                     plant time between samples
  --history 1h                   wall time of history of each variable
  --fault NAME[=POINT][:INTENSITY][@SECONDS[-SECONDS]]   repeatable; seconds of the wall clock after the start

  Faults: ${plantFaultNames.join(', ')}.
  Intensity is 0 to 1. POINT is the sensor of a sensor fault; ASSET/NAME strikes another asset than the first, such as
  CHWP-2/bearing-wear or CH-1/sensor-failed=WaterFlow.
  On standard input while it runs, or written to the node Simulation/Command: fault NAME on [INTENSITY], fault NAME off.
  Each fault is also a switch below Simulation/Faults.`;

/** Runs until SIGINT or SIGTERM; throws a UsageError for bad options. */
export async function simulateOpcua(args: string[]): Promise<void> {
  const given = readOptions(args, table, 0);
  if (given.has('help')) return console.log(opcuaHelp);
  const scheduled = given.list('fault').map((text) => parseFaultOptionOf(plantFaultNames, text));
  const options = {
    host: given.find('host'),
    port: readNumber('port', given.find('port'), { from: 0, to: 65_535, whole: true }),
    security: {
      folder: given.find('folder') ?? 'data/simulate-opcua',
      users: readUsers(given.list('user')),
      allowsAnonymous: given.has('anonymous'),
      allowsNone: given.has('none'),
      onlyTrustedClients: given.has('trusted-only'),
    },
    fanCoils: readNumber('fan-coils', given.find('fan-coils'), { from: 0, to: 5000, whole: true }),
    season: readChoice('season', given.find('season'), seasons),
    seed: readNumber('seed', given.find('seed'), { from: 0, to: 1e9, whole: true }),
    timeScale: readNumber('time-scale', given.find('time-scale'), { from: 0.001, to: 100_000 }),
    everySeconds: readDurationSeconds('every', given.find('every')),
    historySeconds: readDurationSeconds('history', given.find('history')),
    command: obey,
  };
  const plant = await start(options);
  say(`${plant.variables} variables at ${plant.endpointUrl}`);
  const timers = scheduled.flatMap(({ afterSeconds, untilSeconds, ...target }) => [
    setTimeout(() => attempt(() => switchFault(plant.faults, { ...target, on: true })), afterSeconds * 1000),
    ...(untilSeconds === undefined
      ? []
      : [setTimeout(() => attempt(() => switchFault(plant.faults, { ...target, on: false })), untilSeconds * 1000)]),
  ]);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    if (line.trim() !== '') attempt(() => obey(line, plant.faults));
  });
  const report = setInterval(() => {
    say(`${plant.samples()} samples, ${plant.sessions()} sessions; ${plant.describeState()}`);
  }, 10_000);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  for (const timer of timers) clearTimeout(timer);
  clearInterval(report);
  lines.close();
  await plant.close();
}

/** The library takes most of a second to load, which the other simulators need not wait for. */
async function start(
  options: Parameters<typeof import('./opcua/opcua-plant.ts').startOpcuaPlant>[0],
): Promise<OpcuaPlant> {
  const { startOpcuaPlant } = await import('./opcua/opcua-plant.ts');
  try {
    return await startOpcuaPlant(options);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || /EADDRINUSE/.test(message)) {
      throw new UsageError(`--port ${options.port ?? 4840} is taken; choose another, or 0 for a free one`);
    }
    throw cause;
  }
}

function readUsers(given: readonly string[]): Map<string, string> {
  return new Map(
    (given.length > 0 ? given : [usualUser]).map((text) => {
      const [, name, password] = /^([^:]+):(.+)$/.exec(text) ?? [];
      if (name === undefined || password === undefined) throw new UsageError('--user is NAME:PASSWORD');
      return [name, password] as const;
    }),
  );
}

/** Does what a line says and answers it; throws what is wrong with it. */
function obey(line: string, faults: FaultBoard): string {
  return switchFault(faults, parseFaultLineOf(plantFaultNames, line));
}

function switchFault(faults: FaultBoard, { fault, options, on }: FaultTarget<PlantFault> & { on: boolean }): string {
  if (on) faults.inject(fault, options);
  else faults.clear(fault, options);
  const said = `fault ${fault} ${on ? `on, intensity ${options.intensity ?? 1}` : 'off'}`;
  say(said);
  return said;
}

/** A mistyped fault must not end a plant that runs. */
function attempt(action: () => void): void {
  try {
    action();
  } catch (cause) {
    say(cause instanceof Error ? cause.message : String(cause));
  }
}

function say(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`);
}
