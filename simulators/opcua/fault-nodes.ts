/**
 * Faults that clients switch, below Objects/Simulation:
 *
 *   Faults / bearing-wear …   writable; true strikes the first asset that can suffer it
 *   Command, Answer           `fault CHWP-2/bearing-wear on 0.5` and what came of it
 *   Active                    what is in force
 */
import { AccessLevelFlag, type AddressSpace, DataType, type Namespace, VariantArrayType } from 'node-opcua';
import { type FaultBoard, plantFaultNames } from './plant-faults.ts';

export type FaultNodes = { /** Does what clients have written, and shows what is in force. */ apply(): void };

/** `command` does what a line says and answers it; it throws what a person should read. */
export function addFaultNodes(
  addressSpace: AddressSpace,
  namespace: Namespace,
  { faults, command }: { faults: FaultBoard; command: (line: string) => string },
): FaultNodes {
  const root = namespace.addFolder(addressSpace.rootFolder.objects, {
    browseName: 'Simulation',
    nodeId: 's=Simulation',
  });
  const folder = namespace.addFolder(root, { browseName: 'Faults', nodeId: 's=Simulation/Faults' });
  const level = AccessLevelFlag.CurrentRead | AccessLevelFlag.CurrentWrite;
  const writable = { accessLevel: level, userAccessLevel: level };
  const switches = plantFaultNames.map((name) => {
    const node = namespace.addVariable({
      organizedBy: folder,
      browseName: name,
      nodeId: `s=Simulation/Faults/${name}`,
      dataType: DataType.Boolean,
      ...writable,
    });
    node.setValueFromSource({ dataType: DataType.Boolean, value: false });
    return { name, node, isOn: false };
  });
  const text = (name: string, rank: -1 | 1, extra = {}) =>
    namespace.addVariable({
      organizedBy: root,
      browseName: name,
      nodeId: `s=Simulation/${name}`,
      dataType: DataType.String,
      valueRank: rank,
      ...extra,
    });
  const commandNode = text('Command', -1, writable);
  const answerNode = text('Answer', -1);
  const activeNode = text('Active', 1);
  const put = (node: typeof commandNode, value: string) =>
    node.setValueFromSource({ dataType: DataType.String, value });
  put(commandNode, '');
  put(answerNode, '');

  function obey(): void {
    for (const entry of switches) {
      const isOn = entry.node.readValue().value.value === true;
      if (isOn === entry.isOn) continue;
      entry.isOn = isOn;
      if (isOn) faults.inject(entry.name);
      else faults.clear(entry.name);
    }
    const line = String(commandNode.readValue().value.value ?? '').trim();
    if (line === '') return;
    put(commandNode, '');
    try {
      put(answerNode, command(line));
    } catch (cause) {
      put(answerNode, cause instanceof Error ? cause.message : String(cause));
    }
  }

  return {
    apply: () => {
      obey();
      activeNode.setValueFromSource({
        dataType: DataType.String,
        arrayType: VariantArrayType.Array,
        value: faults.list(),
      });
    },
  };
}
