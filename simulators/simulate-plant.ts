/** `simulate plant`: the plant on the command line, with its faults on a schedule or typed while it runs. */
import { createInterface } from 'node:readline';
import { type OptionTable, readChoice, readDurationSeconds, readNumber, readOptions } from './arguments.ts';
import { parseFaultLine, parseFaultOption } from './fault-command.ts';
import { faultNames } from './plant/faults.ts';
import { seasons } from './plant/weather.ts';
import { type Plant, type PlantOptions, startPlant } from './plant-device.ts';

const table: OptionTable = {
  url: { type: 'string' },
  username: { type: 'string' },
  password: { type: 'string' },
  site: { type: 'string' },
  seed: { type: 'string' },
  'time-scale': { type: 'string' },
  every: { type: 'string' },
  season: { type: 'string' },
  assets: { type: 'string' },
  fault: { type: 'string', multiple: true },
  describe: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
};

export const plantHelp = `npm run simulate -- plant [options]

  Air handlers and pumps with physics, publishing over MQTT until Ctrl-C.

  --url mqtt://127.0.0.1:1883    the broker
  --username U, --password P     or FAULTLINE_MQTT_USERNAME, FAULTLINE_MQTT_PASSWORD
  --site main                    topics are telemetry/{site}/{asset}[/{point}]
  --assets 1                     ahu-1 to ahu-N and pump-1 to pump-N
  --season summer                ${seasons.join(', ')}
  --seed 1                       the same seed gives the same plant
  --time-scale 1                 plant seconds in a second of the wall clock
  --every 1m                     plant time between samples
  --fault NAME[=POINT][:INTENSITY][@SECONDS[-SECONDS]]   repeatable; seconds of the wall clock after the start
  --describe                     first publish classes and units, on telemetry/{site}/{asset}/$points

  Faults: ${faultNames.join(', ')}.
  Intensity is 0 to 1. POINT is the sensor of a sensor fault; ASSET/NAME strikes another asset than the first.
  On standard input while it runs: fault NAME on [INTENSITY], fault NAME off.`;

/** Runs until SIGINT or SIGTERM; throws a UsageError for bad options. */
export async function simulatePlant(args: string[]): Promise<void> {
  const given = readOptions(args, table, 0);
  if (given.has('help')) return console.log(plantHelp);
  const scheduled = given.list('fault').map(parseFaultOption);
  const options: PlantOptions = {
    url: given.find('url') ?? 'mqtt://127.0.0.1:1883',
    username: given.find('username') ?? process.env.FAULTLINE_MQTT_USERNAME,
    password: given.find('password') ?? process.env.FAULTLINE_MQTT_PASSWORD,
    site: given.find('site') ?? 'main',
    seed: readNumber('seed', given.find('seed'), { from: 0, to: 1e9, whole: true }),
    timeScale: readNumber('time-scale', given.find('time-scale'), { from: 0.001, to: 100_000 }),
    everySeconds: readDurationSeconds('every', given.find('every')),
    season: readChoice('season', given.find('season'), seasons),
    assets: readNumber('assets', given.find('assets'), { from: 1, to: 1000, whole: true }),
    describe: given.has('describe'),
    onLine: say,
  };
  const plant = await startPlant(options);
  say(`publishing to ${options.url} as telemetry/${options.site}/…`);
  const timers = scheduled.flatMap(({ afterSeconds, untilSeconds, ...target }) => [
    setTimeout(() => attempt(() => switchFault(plant, { ...target, on: true })), afterSeconds * 1000),
    ...(untilSeconds === undefined
      ? []
      : [setTimeout(() => attempt(() => switchFault(plant, { ...target, on: false })), untilSeconds * 1000)]),
  ]);
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    if (line.trim() !== '') attempt(() => switchFault(plant, parseFaultLine(line)));
  });
  const report = setInterval(createReport(plant), 1000);
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  for (const timer of timers) clearTimeout(timer);
  clearInterval(report);
  lines.close();
  await plant.close();
  say(`${plant.published()} readings sent, ${plant.acknowledged()} acknowledged`);
}

function switchFault(plant: Plant, { fault, options, on }: ReturnType<typeof parseFaultLine>): void {
  if (on) plant.inject(fault, options);
  else plant.clear(fault, options);
  say(`fault ${fault} ${on ? `on, intensity ${options.intensity ?? 1}` : 'off'}`);
}

/** A mistyped fault must not end a plant that runs. */
function attempt(action: () => void): void {
  try {
    action();
  } catch (cause) {
    say(cause instanceof Error ? cause.message : String(cause));
  }
}

function createReport(plant: Plant): () => void {
  let before = plant.published();
  return () => {
    const published = plant.published();
    say(
      `${published - before} readings/s, ${plant.acknowledged()} of ${published} acknowledged; ${plant.describeState()}`,
    );
    before = published;
  };
}

function say(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)}  ${line}`);
}
