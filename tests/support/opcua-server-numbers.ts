/**
 * The numbered nodes: at tick n each has the value n. Their history is one list of numbers, since it is the same for all.
 *
 *   tick ─▶ number into the file ─▶ into the history ─▶ into every node
 */
import { openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  AccessLevelFlag,
  DataType,
  DataValue,
  type Namespace,
  StatusCodes,
  type UAObject,
  type UAVariable,
  Variant,
} from 'node-opcua';
import { numberName } from './opcua-names.ts';
import type { ChildSettings } from './opcua-server.ts';

export type Numbers = { readonly nodes: ReadonlySet<object>; start(): void; pause(): void };

/** Later than that they were not made late: the process stood still, or was not there. */
const lateTicksMax = 10;

export function addNumbers(namespace: Namespace, parent: UAObject, settings: ChildSettings): Numbers {
  const { folder, items = 100, hz = 10, startMs } = settings;
  const file = join(folder, 'numbers');
  const fd = openSync(file, 'a');
  const historized = settings.keepsHistory === false ? [] : readNumbers(file);
  const timeOf = (number: number) => startMs + (number * 1_000) / hz;
  const dueNow = () => Math.floor(((Date.now() - startMs) * hz) / 1_000);
  let last = historized.at(-1) ?? -1;
  let timer: NodeJS.Timeout | undefined;

  const nodes = Array.from({ length: items }, (_, index) =>
    namespace.addVariable({
      organizedBy: parent,
      nodeId: `s=${numberName(index)}`,
      browseName: numberName(index),
      dataType: DataType.Double,
    }),
  );
  if (settings.history) historize(nodes, { historized, timeOf, settings });

  function make(number: number): void {
    writeSync(fd, `${number}\n`);
    historized.push(number);
    last = number;
    const value = new Variant({ dataType: DataType.Double, value: number });
    const at = new Date(timeOf(number));
    for (const node of nodes) node.setValueFromSource(value, StatusCodes.Good, at);
  }

  function tick(): void {
    const due = dueNow();
    if (due - last > lateTicksMax) last = due - 1;
    while (last < due) make(last + 1);
    timer = setTimeout(tick, Math.max(0, timeOf(last + 1) - Date.now()));
  }

  return {
    nodes: new Set(nodes),
    start: () => {
      if (hz === 0) return;
      last = Math.max(last, dueNow() - 1);
      clearTimeout(timer);
      tick();
    },
    pause: () => clearTimeout(timer),
  };
}

type Historized = { readonly historized: readonly number[]; timeOf(number: number): number; settings: ChildSettings };

type Historizing = Record<(typeof historyMethods)[number] | 'varHistorian', unknown>;
const historyMethods = ['_historyRead', '_historyReadRawModify', '_historyReadRaw', '_historyReadRawAsync'] as const;

/**
 * The first node is historized by the library, the others take its methods: a configuration of its own takes a node 1.2 ms
 * and 87 kB, which nobody reads.
 */
function historize([first, ...others]: readonly UAVariable[], { historized, timeOf, settings }: Historized): void {
  if (!first) return;
  first.addressSpace.installHistoricalDataNode(first, {
    historian: {
      push: async () => undefined,
      extractDataValues: ({ startTime, endTime }, max, isReversed, isReverseWanted, callback) => {
        const fromMs = startTime && startTime.getTime() > 0 ? startTime.getTime() : Number.NEGATIVE_INFINITY;
        const toMs = endTime && endTime.getTime() > 0 ? endTime.getTime() : Number.POSITIVE_INFINITY;
        const found = historized.filter((number) => timeOf(number) >= fromMs && timeOf(number) <= toMs);
        const ordered = isReversed !== isReverseWanted ? found.reverse() : found;
        callback(null, (max > 0 ? ordered.slice(0, max) : ordered).map(sampleOf));
      },
    },
  });
  if (settings.historyValuesMax !== undefined) limitAnswers(first, settings.historyValuesMax);
  const shared = first as unknown as Historizing;
  for (const node of others) {
    node.historizing = true;
    node.accessLevel |= AccessLevelFlag.HistoryRead;
    if (node.userAccessLevel !== undefined) node.userAccessLevel |= AccessLevelFlag.HistoryRead;
    for (const name of [...historyMethods, 'varHistorian'] as const) {
      (node as unknown as Historizing)[name] = shared[name];
    }
  }

  function sampleOf(number: number): DataValue {
    const at = new Date(timeOf(number));
    return new DataValue({
      value: { dataType: DataType.Double, value: number },
      sourceTimestamp: at,
      serverTimestamp: at,
      statusCode: StatusCodes.Good,
    });
  }
}

type HistoryRead = (context: unknown, details: { numValuesPerNode?: number }, ...rest: unknown[]) => void;

/** A server may give fewer values in an answer than it was asked for (OPC 10000-11, 6.4.3.2). */
function limitAnswers(node: UAVariable, valuesMax: number): void {
  const limited = node as unknown as { _historyRead: HistoryRead };
  const read = limited._historyRead;
  limited._historyRead = function (context, details, ...rest) {
    if (details.numValuesPerNode !== undefined) {
      details.numValuesPerNode = Math.min(details.numValuesPerNode || valuesMax, valuesMax);
    }
    read.call(this, context, details, ...rest);
  };
}

function readNumbers(file: string): number[] {
  const text = readFileSync(file, 'utf8');
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .slice(0, -1)
    .map(Number);
}
