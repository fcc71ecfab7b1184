/**
 * The instruments as nodes, below Objects/Plant, an object an asset, each of a type that says what it is:
 *
 *   Plant / CH-1, CHWP-1 …, CT-1, FanCoils / FC-001 … / LeavingWaterTemperature …     numeric ones with EURange and EngineeringUnits
 */
import {
  AccessLevelFlag,
  type AddressSpace,
  DataType,
  type Namespace,
  StatusCodes,
  type UAObject,
  type UAVariable,
  Variant,
} from 'node-opcua';
import { engineeringUnits } from './engineering-units.ts';
import type { Instrument, InstrumentValue } from './instrument.ts';
import { createRingHistory } from './ring-history.ts';

export const plantNamespace = 'urn:faultline:simulator:chilled-water';

export type PlantNodes = {
  /** Gives the plant what clients have written since the last `show`. */
  takeWritten(): void;
  /** Gives every node the value of its instrument, as of that instant. */
  show(at: Date): void;
};

type Shown = { readonly instrument: Instrument; readonly node: UAVariable; last: InstrumentValue };

/** Adds an object for each asset and a variable for each instrument, with `historyMax` samples of history each. */
export function addPlantNodes(addressSpace: AddressSpace, namespace: Namespace, options: PlantNodeOptions): PlantNodes {
  const { instruments, historyMax, kindOf } = options;
  const plant = namespace.addFolder(addressSpace.rootFolder.objects, { browseName: 'Plant', nodeId: 's=Plant' });
  const fanCoils = namespace.addFolder(plant, { browseName: 'FanCoils', nodeId: 's=FanCoils' });
  const typeOf = createTypes(namespace);
  const assets = new Map<string, UAObject>();
  const shown: Shown[] = instruments.map((instrument) => {
    const { asset } = instrument;
    const kind = kindOf(asset);
    const object =
      assets.get(asset) ??
      namespace.addObject({
        organizedBy: kind === 'FanCoil' ? fanCoils : plant,
        browseName: asset,
        nodeId: `s=${asset}`,
        typeDefinition: typeOf(kind),
      });
    assets.set(asset, object);
    const node = addVariable(namespace, object, instrument);
    if (historyMax > 0) {
      const historian = createRingHistory(instrument.dataType, historyMax);
      addressSpace.installHistoricalDataNode(node, { historian: { node, ...historian } as never });
    }
    return { instrument, node, last: instrument.read().value };
  });

  function takeWritten(): void {
    for (const entry of shown) {
      const { instrument, node, last } = entry;
      if (!instrument.write) continue;
      const { value } = node.readValue().value as { value: InstrumentValue | null };
      if (value !== null && value !== last) instrument.write(value);
    }
  }

  return {
    takeWritten,
    show: (at) => {
      for (const entry of shown) {
        const { value, status } = entry.instrument.read();
        entry.last = value;
        entry.node.setValueFromSource(
          { dataType: DataType[entry.instrument.dataType], value },
          StatusCodes[status],
          at,
        );
      }
    },
  };
}

export type PlantNodeOptions = {
  readonly instruments: readonly Instrument[];
  readonly historyMax: number;
  /** Chiller, Pump, CoolingTower, FanCoil. */
  readonly kindOf: (asset: string) => string;
};

function createTypes(namespace: Namespace) {
  const types = new Map<string, ReturnType<Namespace['addObjectType']>>();
  return (kind: string) => {
    const type = types.get(kind) ?? namespace.addObjectType({ browseName: `${kind}Type` });
    types.set(kind, type);
    return type;
  };
}

function addVariable(namespace: Namespace, parent: UAObject, instrument: Instrument): UAVariable {
  const { asset, name, dataType, unit, range, write } = instrument;
  const level = AccessLevelFlag.CurrentRead | (write ? AccessLevelFlag.CurrentWrite : 0);
  const options = {
    componentOf: parent,
    browseName: name,
    nodeId: `s=${asset}/${name}`,
    dataType,
    accessLevel: level,
    userAccessLevel: level,
    minimumSamplingInterval: 0,
  };
  const units = unit === undefined ? undefined : engineeringUnits[unit];
  const node = range
    ? namespace.addAnalogDataItem({
        ...options,
        engineeringUnitsRange: { low: range[0], high: range[1] },
        ...(units ? { engineeringUnits: units } : {}),
      })
    : namespace.addVariable(options);
  node.setValueFromSource(new Variant({ dataType: DataType[dataType], value: instrument.read().value }));
  return node;
}
