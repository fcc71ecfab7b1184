/**
 * The plant as the network sees it: one gateway, whose air handlers publish a JSON object a sample and whose pumps publish
 * each point on a topic of its own.
 *
 *   physics, one sample at a time ─▶ messages ─▶ window of unacknowledged messages ─▶ broker, QoS 1
 *
 * Plant time maps linearly to the wall clock. Sample k carries the wall time of the start plus k sample intervals divided
 * by the time scale, also when it leaves late because the broker was away.
 */
import { connectMqttDevice } from './mqtt-device.ts';
import { createAirHandler } from './plant/air-handler.ts';
import { sensorPoints } from './plant/air-handler-sensors.ts';
import { formatPlantTime, secondsPerDay, secondsPerHour } from './plant/calendar.ts';
import { type FaultName, type FaultOptions, isAirHandlerFault } from './plant/faults.ts';
import { createPump } from './plant/pump.ts';
import type { Season } from './plant/weather.ts';
import { airHandlerMessage, describeAirHandler, describePump, pumpMessages } from './plant-messages.ts';
import { waited } from './wait.ts';

export type PlantOptions = {
  url: string;
  username?: string | undefined;
  password?: string | undefined;
  site: string;
  /** The plant runs so many times faster than the wall clock; default 1. */
  timeScale?: number | undefined;
  /** Plant seconds between two samples; default 60. */
  everySeconds?: number | undefined;
  seed?: number | undefined;
  season?: Season | undefined;
  /** So many air handlers, ahu-1 and so on, and as many pumps; default 1. */
  assets?: number | undefined;
  /** Publishes, before the first sample, what each air handler is: class, parameters, classes and units of its points. */
  describe?: boolean | undefined;
  onLine?: ((line: string) => void) | undefined;
};

/** `asset` says which one suffers; by default the first that can. */
export type PlantFaultOptions = FaultOptions & { asset?: string };

export type Plant = {
  /** Switches a fault on, or changes its intensity; a RangeError says what is wrong with the options. */
  inject(fault: FaultName, options?: PlantFaultOptions): void;
  clear(fault: FaultName, options?: { asset?: string }): void;
  /** Readings sent so far, and those of them that the broker has acknowledged. */
  published(): number;
  acknowledged(): number;
  /** The first air handler's and pump's state in a few words, for people. */
  describeState(): string;
  /** Stops sampling, waits up to five seconds for acknowledgements, ends the connection. */
  close(): Promise<void>;
};

// Tuesday at ten, after a day and a half of the same physics: the rooms, the controllers and the bearing have settled.
const startPlantSeconds = secondsPerDay + 10 * secondsPerHour;

/** Connects and starts publishing; resolves once connected, rejects when the broker refuses the credentials. */
export async function startPlant(options: PlantOptions): Promise<Plant> {
  const { site, onLine } = options;
  const timeScale = options.timeScale ?? 1;
  const everySeconds = options.everySeconds ?? 60;
  const assets = createAssets(options);
  const device = await connectMqttDevice({
    url: options.url,
    username: options.username,
    password: options.password,
    clientId: `plant-${site}-${options.seed ?? 1}`,
    inFlightMax: 100,
    onLine,
  });
  if (options.describe) {
    for (const { name, description } of [...assets.airHandlers, ...assets.pumps]) {
      await device.publish(`telemetry/${site}/${name}/$points`, JSON.stringify(description), 0);
    }
  }
  const stopping = new AbortController();
  const sampling = sample();

  async function sample(): Promise<void> {
    const startedMs = Date.now();
    for (let count = 0; !stopping.signal.aborted; count += 1) {
      const dueMs = startedMs + (count * everySeconds * 1000) / timeScale;
      const early = dueMs - Date.now();
      if (early > 0 && !(await waited(early, stopping.signal))) return;
      const late = early < (-everySeconds * 1000) / timeScale;
      for (const asset of [...assets.airHandlers, ...assets.pumps]) {
        for (const { topic, payload, readings } of asset.sample(everySeconds, new Date(dueMs), late)) {
          await device.publish(`telemetry/${site}/${topic}`, payload, readings);
        }
      }
    }
  }

  return {
    inject(fault, faultOptions = {}) {
      const { asset, ...settings } = faultOptions;
      if (settings.point !== undefined && !sensorPoints.includes(settings.point)) {
        throw new RangeError(`fault ${fault}: no sensor ${settings.point}; there are ${sensorPoints.join(', ')}`);
      }
      if (isAirHandlerFault(fault)) getAsset(assets.airHandlers, asset).machine.faults.inject(fault, settings);
      else getAsset(assets.pumps, asset).machine.faults.inject(fault, settings);
    },
    clear(fault, { asset } = {}) {
      if (isAirHandlerFault(fault)) getAsset(assets.airHandlers, asset).machine.faults.clear(fault);
      else getAsset(assets.pumps, asset).machine.faults.clear(fault);
    },
    published: device.published,
    acknowledged: device.acknowledged,
    describeState: () => describeState(assets),
    async close() {
      stopping.abort();
      await device.drain(5000);
      await device.close();
      await sampling;
    },
  };
}

function createAssets(options: PlantOptions) {
  const seed = options.seed ?? 1;
  const season = options.season ?? 'summer';
  const numbers = Array.from({ length: options.assets ?? 1 }, (_, index) => index + 1);
  const airHandlers = numbers.map((number) => {
    const name = `ahu-${number}`;
    const machine = createAirHandler({ seed: seed * 1000 + number, season });
    machine.step(startPlantSeconds);
    const sample = (seconds: number, at: Date) => {
      machine.step(seconds);
      return [airHandlerMessage(name, machine.readings(), at)];
    };
    return { name, machine, sample, description: describeAirHandler() };
  });
  const pumps = numbers.map((number) => {
    const name = `pump-${number}`;
    const machine = createPump({ seed: seed * 1000 + number });
    for (let minute = 0; minute < 120; minute += 1) machine.step(60);
    const sample = (seconds: number, at: Date, late: boolean) => {
      machine.step(seconds);
      return pumpMessages(name, machine.readings(), { at, late });
    };
    return { name, machine, sample, description: describePump() };
  });
  return { airHandlers, pumps };
}

function getAsset<Asset extends { name: string }>(assets: Asset[], name: string | undefined): Asset {
  const asset = name === undefined ? assets[0] : assets.find((candidate) => candidate.name === name);
  if (!asset)
    throw new RangeError(`no asset ${name} for this fault; there are ${assets.map(({ name }) => name).join(', ')}`);
  return asset;
}

function describeState({ airHandlers, pumps }: ReturnType<typeof createAssets>): string {
  const [ahu] = airHandlers;
  const [pump] = pumps;
  if (!ahu || !pump) return '';
  const air = ahu.machine.readings();
  const { vibration } = pump.machine.readings();
  return `plant ${formatPlantTime(ahu.machine.plantSeconds())}, ${ahu.name} supply ${air.sat.toFixed(1)} of ${air.sat_sp.toFixed(1)} degC, ${pump.name} ${vibration.toFixed(1)} mm/s`;
}
