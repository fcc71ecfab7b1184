/**
 * One node of each kind:
 *
 *   Kinds        boolean, sbyte, byte, int16, uint16, int32, uint32, int64, uint64, float, double, string, datetime,
 *                localizedtext, bytestring, enumeration, array (of Double), matrix (2 by 2)
 *   Structures   pump (a PumpType of fixtures/opcua-structures.xml), pumps (an array of them)
 *   Analog       temperature, pressure: with EURange and EngineeringUnits
 *   Writable     setpoint, mode, enabled, label
 *   Added        what a test has added
 */
import {
  AccessLevelFlag,
  type AddressSpace,
  DataType,
  type Namespace,
  StatusCode,
  StatusCodes,
  standardUnits,
  type UAObject,
  type UAVariable,
  Variant,
  VariantArrayType,
} from 'node-opcua';
import type { NodeOptions } from './opcua-server.ts';

export type TestNodes = {
  set(name: string, value: unknown, options?: { status?: string; timeMs?: number }): void;
  read(name: string): unknown;
  add(name: string, options?: NodeOptions): void;
  remove(name: string): void;
  changeType(name: string, dataType: string, value: unknown): void;
};

const kinds: Readonly<Record<string, readonly [type: string, value: unknown]>> = {
  boolean: ['Boolean', true],
  sbyte: ['SByte', -8],
  byte: ['Byte', 8],
  int16: ['Int16', -16],
  uint16: ['UInt16', 16],
  int32: ['Int32', -32],
  uint32: ['UInt32', 4_294_967_295],
  int64: ['Int64', [4_294_967_295, 4_294_967_232]], // -64, as the library's pair of the high and the low half.
  uint64: ['UInt64', [1, 0]],
  float: ['Float', 1.5],
  double: ['Double', 21.5],
  string: ['String', 'running'],
  datetime: ['DateTime', new Date('2026-01-01T00:00:00Z')],
  localizedtext: ['LocalizedText', { locale: 'en', text: 'running' }],
  bytestring: ['ByteString', Buffer.from('bytes')],
};

export function addNodes(addressSpace: AddressSpace, namespace: Namespace): TestNodes {
  const folders = new Map<string, string>();
  const folderOf = (name: string): UAObject =>
    (addressSpace.rootFolder.objects.getFolderElementByName(name) as UAObject | null) ??
    namespace.addFolder(addressSpace.rootFolder.objects, { browseName: name, nodeId: `s=folder-${name}` });
  const find = (name: string): UAVariable => {
    const node = namespace.findNode(`ns=${namespace.index};s=${name}`);
    if (!node) throw new Error(`no node ${name}`);
    return node as UAVariable;
  };
  const add = (name: string, { dataType = 'Double', value = 0, isWritable, folder = 'Added' }: NodeOptions = {}) => {
    folders.set(name, folder);
    const level = AccessLevelFlag.CurrentRead | (isWritable ? AccessLevelFlag.CurrentWrite : 0);
    const node = namespace.addVariable({
      organizedBy: folderOf(folder),
      nodeId: `s=${name}`,
      browseName: name,
      dataType,
      accessLevel: level,
      userAccessLevel: level,
    });
    node.setValueFromSource(variantOf(dataType, value));
  };

  for (const [name, [dataType, value]] of Object.entries(kinds)) add(name, { dataType, value, folder: 'Kinds' });
  addShapes(namespace, folderOf('Kinds'));
  addAnalog(namespace, folderOf('Analog'));
  addStructures(addressSpace, namespace, folderOf('Structures'));
  add('setpoint', { value: 7, isWritable: true, folder: 'Writable' });
  add('mode', { dataType: 'Int32', value: 1, isWritable: true, folder: 'Writable' });
  add('enabled', { dataType: 'Boolean', value: true, isWritable: true, folder: 'Writable' });
  add('label', { dataType: 'String', value: 'pump 1', isWritable: true, folder: 'Writable' });
  return {
    set: (name, value, { status = 'Good', timeMs } = {}) => {
      const node = find(name);
      const code = (StatusCodes as unknown as Record<string, StatusCode>)[status];
      if (!(code instanceof StatusCode)) throw new Error(`no status ${status}`);
      const { dataType } = node.readValue().value;
      node.setValueFromSource(variantOf(DataType[dataType], value), code, timeMs ? new Date(timeMs) : undefined);
    },
    read: (name) => find(name).readValue().value.value,
    add,
    remove: (name) => addressSpace.deleteNode(find(name)),
    changeType: (name, dataType, value) => {
      // As a controller does after a download: the node is another one under the same identifier.
      addressSpace.deleteNode(find(name));
      add(name, { dataType, value, folder: folders.get(name) ?? 'Added' });
    },
  };
}

function variantOf(dataType: string, value: unknown): Variant {
  const isArray = Array.isArray(value) && !/^U?Int64$/.test(dataType);
  return new Variant({
    dataType: DataType[dataType as keyof typeof DataType],
    arrayType: isArray ? VariantArrayType.Array : VariantArrayType.Scalar,
    value,
  });
}

function addShapes(namespace: Namespace, parent: UAObject): void {
  namespace
    .addVariable({ organizedBy: parent, nodeId: 's=array', browseName: 'array', dataType: 'Double', valueRank: 1 })
    .setValueFromSource(variantOf('Double', [1, 2, 3, 4]));
  namespace
    .addVariable({
      organizedBy: parent,
      nodeId: 's=matrix',
      browseName: 'matrix',
      dataType: 'Double',
      valueRank: 2,
      arrayDimensions: [2, 2],
    })
    .setValueFromSource({
      dataType: DataType.Double,
      arrayType: VariantArrayType.Matrix,
      dimensions: [2, 2],
      value: [1, 2, 3, 4],
    });
  const mode = namespace.addEnumerationType({ browseName: 'PumpMode', enumeration: ['Off', 'Hand', 'Auto'] });
  namespace
    .addVariable({ organizedBy: parent, nodeId: 's=enumeration', browseName: 'enumeration', dataType: mode })
    .setValueFromSource({ dataType: DataType.Int32, value: 2 });
}

function addAnalog(namespace: Namespace, parent: UAObject): void {
  for (const [name, unit, low, high, value] of [
    ['temperature', standardUnits.degree_celsius, -10, 40, 7],
    ['pressure', standardUnits.kilopascal, 0, 600, 210],
  ] as const) {
    namespace.addAnalogDataItem({
      organizedBy: parent,
      nodeId: `s=${name}`,
      browseName: name,
      dataType: 'Double',
      engineeringUnitsRange: { low, high },
      engineeringUnits: unit,
      value: new Variant({ dataType: DataType.Double, value }),
    });
  }
}

function addStructures(addressSpace: AddressSpace, namespace: Namespace, parent: UAObject): void {
  const index = addressSpace.getNamespaceIndex('urn:faultline:test:structures');
  const pumpType = addressSpace.findDataType('PumpType', index);
  if (!pumpType) throw new Error('the structures are not loaded');
  const pump = (number: number) =>
    addressSpace.constructExtensionObject(pumpType, {
      running: true,
      speed: 1_480 + number,
      label: `pump ${number}`,
      inlet: { temperature: 12.5, pressure: 200 + number },
      currents: [10, 11, 12],
    });
  namespace
    .addVariable({ organizedBy: parent, nodeId: 's=pump', browseName: 'pump', dataType: pumpType })
    .setValueFromSource({ dataType: DataType.ExtensionObject, value: pump(1) });
  namespace
    .addVariable({ organizedBy: parent, nodeId: 's=pumps', browseName: 'pumps', dataType: pumpType, valueRank: 1 })
    .setValueFromSource({
      dataType: DataType.ExtensionObject,
      arrayType: VariantArrayType.Array,
      value: [pump(1), pump(2)],
    });
}
