/**
 * An OPC-UA server in this process whose address space is as odd as those of others may be:
 *
 *   Wide     so many variables
 *   Broad    three folders of 1,100 variables each, more than one answer has, and more of them than there are continuation points
 *   Deep     a folder in a folder in a folder …
 *   Ring     A ─▶ B ─▶ A, and a variable that both have
 *   Odd      names with slashes, ampersands, control characters and none at all; a method; a process value as a property;
 *            an analog value whose range is 0 to 0 and whose unit has no code; what may not be read; a link to another server's node
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AddressSpace,
  type Namespace,
  nodesets,
  OPCUACertificateManager,
  OPCUAServer,
  setWarningLogger,
  type UAObject,
} from 'node-opcua';
import { createOpcuaCertificate } from './opcua-certificates.ts';

export const oddNamespace = 'urn:faultline:test:odd;100%';

export type OddServer = { readonly endpointUrl: string; stop(): Promise<void> };

/** Starts it on a free port, with two continuation points for everybody. */
export async function startOddServer(options: {
  wide: number;
  deep: number;
  nodesPerBrowseMax: number;
}): Promise<OddServer> {
  setWarningLogger(() => {});
  const folder = await mkdtemp(join(tmpdir(), 'faultline-odd-'));
  await (await createOpcuaCertificate('Odd server')).write(folder);
  const manager = new OPCUACertificateManager({
    rootFolder: join(folder, 'pki'),
    automaticallyAcceptUnknownCertificate: true,
  });
  await manager.initialize();
  const server = new OPCUAServer({
    port: 0,
    host: '127.0.0.1',
    hostname: '127.0.0.1',
    nodesets: [nodesets.standard],
    certificateFile: join(folder, 'certificate.pem'),
    privateKeyFile: join(folder, 'key.pem'),
    serverCertificateManager: manager,
    userCertificateManager: manager,
    serverCapabilities: {
      maxBrowseContinuationPoints: 2,
      operationLimits: { maxNodesPerBrowse: options.nodesPerBrowseMax, maxNodesPerRead: 50 },
    },
  });
  await server.initialize();
  const { addressSpace } = server.engine;
  if (!addressSpace) throw new Error('no address space');
  build(addressSpace, addressSpace.registerNamespace(oddNamespace), options);
  await server.start();
  return {
    endpointUrl: server.getEndpointUrl(),
    stop: async () => {
      await server.shutdown(0);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function build(addressSpace: AddressSpace, namespace: Namespace, { wide, deep }: { wide: number; deep: number }): void {
  const objects = addressSpace.rootFolder.objects;
  const variable = (parent: UAObject, name: string, more: object = {}) =>
    namespace.addVariable({
      organizedBy: parent,
      browseName: name,
      nodeId: `s=${parent.browseName.name}.${name}`,
      dataType: 'Double',
      value: { dataType: 'Double', value: 1 },
      ...more,
    });
  const wideFolder = namespace.addFolder(objects, { browseName: 'Wide', nodeId: 's=Wide' });
  for (let at = 0; at < wide; at++) variable(wideFolder, `w${at}`);

  const broad = namespace.addFolder(objects, { browseName: 'Broad', nodeId: 's=Broad' });
  for (let folder = 0; folder < 3; folder++) {
    const one = namespace.addFolder(broad, { browseName: `B${folder}`, nodeId: `s=Broad${folder}` });
    for (let at = 0; at < 1_100; at++) variable(one, `b${at}`);
  }

  let parent: UAObject = namespace.addFolder(objects, { browseName: 'Deep', nodeId: 's=Deep' });
  for (let at = 0; at < deep; at++)
    parent = namespace.addFolder(parent, { browseName: `d${at}`, nodeId: `s=Deep${at}` });
  variable(parent, 'bottom');

  const ring = namespace.addFolder(objects, { browseName: 'Ring', nodeId: 's=Ring' });
  const a = namespace.addFolder(ring, { browseName: 'A', nodeId: 's=A' });
  const b = namespace.addFolder(a, { browseName: 'B', nodeId: 's=B' });
  b.addReference({ referenceType: 'Organizes', nodeId: a.nodeId });
  b.addReference({ referenceType: 'Organizes', nodeId: ring.nodeId });
  const shared = variable(b, 'shared');
  a.addReference({ referenceType: 'Organizes', nodeId: shared.nodeId });
  a.addReference({ referenceType: 'HasComponent', nodeId: shared.nodeId });

  const odd = namespace.addFolder(objects, { browseName: 'Odd', nodeId: 's=Odd' });
  variable(odd, 'AC/DC & more');
  variable(odd, 'bell\u0007', { nodeId: 's=bell' });
  // The library makes no node without a name, and others do.
  variable(odd, 'nameless', { nodeId: 's=nameless', displayName: 'Shown' }).browseName.name = '';
  variable(odd, 'semicolon', { nodeId: 's=a;b=c%20' });
  variable(odd, 'hidden', { accessLevel: 0, userAccessLevel: 0 });
  variable(odd, 'untyped', { dataType: 'BaseDataType' });
  namespace.addVariable({
    propertyOf: odd,
    browseName: 'Pressure',
    nodeId: 's=property',
    dataType: 'Double',
    value: { dataType: 'Double', value: 3 },
  });
  const flow = variable(odd, 'flow');
  const units = { namespaceUri: 'urn:own', unitId: 0, displayName: { text: 'm³/h' }, description: { text: '' } };
  const extension = (type: string, value: Record<string, unknown>) => ({
    dataType: 'ExtensionObject' as const,
    value: addressSpace.constructExtensionObject(addressSpace.findDataType(type) as never, value),
  });
  for (const [name, type, value] of [
    ['EURange', 'Range', { low: 0, high: 0 }],
    ['EngineeringUnits', 'EUInformation', units],
  ] as const) {
    namespace.addVariable({
      propertyOf: flow,
      browseName: name,
      dataType: type,
      value: extension(type, value) as never,
    });
  }
  namespace.addMethod(odd, { browseName: 'Reset', nodeId: 's=Reset' });
}
