/**
 * The chilled-water plant behind an OPC-UA server, as the controllers of a plant room are seen from the network.
 *
 *   physics, one sample at a time ─▶ instruments ─▶ nodes and their history ─▶ whoever subscribes, reads, or asks for the past
 *
 * Plant time maps linearly to the wall clock: sample k carries the wall time of the start plus k intervals divided by the time
 * scale, also when it comes late.
 */
import { OPCUAServer } from 'node-opcua';
import { formatPlantTime, secondsPerDay, secondsPerHour } from '../plant/calendar.ts';
import type { Season } from '../plant/weather.ts';
import { waited } from '../wait.ts';
import { addPlantNodes, plantNamespace } from './address-space.ts';
import {
  type ChilledWaterPlant,
  chillerName,
  createChilledWaterPlant,
  pumpNames,
  towerName,
} from './chilled-water-plant.ts';
import { addFaultNodes } from './fault-nodes.ts';
import type { Instrument } from './instrument.ts';
import { createInstruments } from './instruments.ts';
import { createFaultBoard, type FaultBoard } from './plant-faults.ts';
import { type SecurityOptions, secure } from './security.ts';

export type OpcuaPlantOptions = {
  readonly security: SecurityOptions;
  readonly host?: string | undefined;
  /** 0: a free one. */
  readonly port?: number | undefined;
  readonly timeScale?: number | undefined;
  /** Plant seconds between two samples; default 1. */
  readonly everySeconds?: number | undefined;
  readonly season?: Season | undefined;
  readonly seed?: number | undefined;
  readonly fanCoils?: number | undefined;
  /** Wall seconds of history of each variable; default 3600, 0 for none. */
  readonly historySeconds?: number | undefined;
  /** Answers a line that a client has written to the node Simulation/Command. */
  readonly command: (line: string, faults: FaultBoard) => string;
};

export type OpcuaPlant = {
  readonly endpointUrl: string;
  readonly faults: FaultBoard;
  readonly variables: number;
  /** Samples of each variable so far. */
  samples(): number;
  sessions(): number;
  /** The plant's state in a few words, for people. */
  describeState(): string;
  close(): Promise<void>;
};

const fanCoilsUsual = 92;
// Tuesday at ten, after the same physics since midnight: rooms, water and controllers have settled.
const startPlantSeconds = secondsPerDay + 10 * secondsPerHour;
const settleSeconds = 10 * secondsPerHour;
const sessionsMax = 50;

/** Starts the server and the plant behind it; rejects when the port is taken. */
export async function startOpcuaPlant(options: OpcuaPlantOptions): Promise<OpcuaPlant> {
  const { seed = 1, season = 'summer', timeScale = 1, everySeconds = 1, historySeconds = 3600 } = options;
  const names = Array.from(
    { length: options.fanCoils ?? fanCoilsUsual },
    (_, index) => `FC-${String(index + 1).padStart(3, '0')}`,
  );
  let instruments: Instrument[] = [];
  const faults = createFaultBoard({
    assets: { chiller: [chillerName], pump: pumpNames, tower: [towerName], 'fan-coil': names },
    sensorsOf: (asset) =>
      instruments.filter((entry) => entry.asset === asset && entry.isSensor).map(({ name }) => name),
  });
  const plant = createChilledWaterPlant({
    seed,
    season,
    faults,
    fanCoils: names,
    plantSeconds: startPlantSeconds - settleSeconds,
  });
  plant.step(settleSeconds);
  instruments = createInstruments(plant, { seed, faults });
  for (const instrument of instruments) instrument.step(60);

  const sampleMs = (everySeconds * 1000) / timeScale;
  const server = await createServer(options);
  const { addressSpace } = server.engine;
  if (!addressSpace) throw new Error('the server has no address space');
  const namespace = addressSpace.registerNamespace(plantNamespace);
  const nodes = addPlantNodes(addressSpace, namespace, {
    instruments,
    historyMax: Math.ceil((historySeconds * 1000) / sampleMs),
    kindOf,
  });
  const switches = addFaultNodes(addressSpace, namespace, {
    faults,
    command: (line) => options.command(line, faults),
  });
  await server.start();
  let samples = 0;
  const stopping = new AbortController();
  const sampling = sample();

  async function sample(): Promise<void> {
    const startedMs = Date.now();
    for (; !stopping.signal.aborted; samples += 1) {
      const dueMs = startedMs + samples * sampleMs;
      const early = dueMs - Date.now();
      // Also when it is behind: clients are to be answered between two samples.
      if (!(await waited(Math.max(0, early), stopping.signal))) return;
      nodes.takeWritten();
      switches.apply();
      plant.step(everySeconds);
      for (const instrument of instruments) instrument.step(everySeconds);
      nodes.show(new Date(dueMs));
    }
  }

  return {
    endpointUrl: server.getEndpointUrl(),
    faults,
    variables: instruments.length,
    samples: () => samples,
    sessions: () => server.engine.currentSessionCount,
    describeState: () => describeState(plant),
    close: async () => {
      stopping.abort();
      await sampling;
      await server.shutdown(0);
    },
  };
}

async function createServer(options: OpcuaPlantOptions): Promise<OPCUAServer> {
  const applicationUri = 'urn:faultline:simulator:chilled-water-server';
  const server = new OPCUAServer({
    ...(await secure(options.security, applicationUri)),
    port: options.port ?? 4840,
    host: options.host ?? '127.0.0.1',
    hostname: options.host ?? '127.0.0.1',
    serverInfo: {
      applicationUri,
      productUri: 'urn:faultline:simulator',
      applicationName: { text: 'Chilled water simulator' },
    },
    buildInfo: { productName: 'Chilled water simulator', manufacturerName: 'Faultline' },
    isAuditing: false,
    maxConnectionsPerEndpoint: sessionsMax,
    serverCapabilities: { maxSessions: sessionsMax, maxSubscriptions: 4 * sessionsMax },
  });
  await server.initialize();
  return server;
}

function kindOf(asset: string): string {
  if (asset.startsWith('FC-')) return 'FanCoil';
  if (asset === chillerName) return 'Chiller';
  return asset === towerName ? 'CoolingTower' : 'Pump';
}

function describeState(plant: ChilledWaterPlant): string {
  const { chiller } = plant;
  const vibration = plant.pumps.get('CHWP-1')?.pump.readings().vibration ?? 0;
  return (
    `plant ${formatPlantTime(plant.plantSeconds())}, ${chillerName} ${chiller.supplyC().toFixed(1)} of ` +
    `${plant.settings.supplyC.toFixed(1)} degC, ${chiller.coolingKw().toFixed(0)} kW, CHWP-1 ${vibration.toFixed(1)} mm/s`
  );
}
