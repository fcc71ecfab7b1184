/** A collector whose port keeps in memory what it is given, so that a test can ask what is missing. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { startCollector } from '../../src/ingest/opcua/collector/collector.ts';
import type { Collector, CollectorOptions, CollectorPort } from '../../src/ingest/opcua/collector/port.ts';
import type {
  ConnectionSpec,
  ConnectionState,
  FoundGap,
  ItemReport,
  ItemSpec,
  Trouble,
  Value,
} from '../../src/ingest/opcua/connection.ts';
import { createOpcuaCertificate, type OpcuaCertificate } from './opcua-certificates.ts';
import { nodeKey, numberName } from './opcua-names.ts';

export type Collecting = {
  readonly collector: Collector;
  readonly values: Value[];
  readonly gaps: FoundGap[];
  /** What happened, in order: values, gaps and whether the subscriptions were resumed. */
  readonly events: (readonly Value[] | FoundGap | { readonly isWhole: boolean })[];
  readonly reports: { readonly state: ConnectionState; readonly trouble: Trouble | null }[];
  readonly items: Map<number, ItemReport>;
  /** What was kept last. */
  kept(): NonNullable<CollectorOptions['resume']>;
  /** The trouble that was reported last. */
  trouble(): Trouble | null;
  state(): ConnectionState | undefined;
  valuesOf(itemId: number): Value[];
  /** Which of these numbers an item never had. */
  missing(itemId: number, numbers: readonly number[]): number[];
  setRoom(hasRoom: boolean): void;
};

export type CollectingOptions = {
  readonly spec?: Partial<ConnectionSpec>;
  readonly items?: readonly ItemSpec[];
  readonly resume?: CollectorOptions['resume'];
  readonly trusts?: (der: Buffer) => boolean;
  readonly rejected?: (der: Buffer, reason: string) => void;
  readonly certificate?: OpcuaCertificate;
  readonly port?: Partial<CollectorPort>;
};

let ours: Promise<OpcuaCertificate> | undefined;

/** The certificate of the program in these tests, made once. */
export function ourCertificate(): Promise<OpcuaCertificate> {
  ours ??= createOpcuaCertificate('Faultline');
  return ours;
}

function specOf(endpointUrl: string, changed: Partial<ConnectionSpec> = {}): ConnectionSpec {
  const tenantId = randomUUID();
  return {
    id: randomUUID(),
    tenantId,
    name: 'plant',
    device: { id: randomUUID(), tenantId, name: 'plant' } as unknown as ConnectionSpec['device'],
    endpointUrl,
    securityMode: 'none',
    securityPolicy: 'none',
    identity: { kind: 'anonymous' },
    publishingIntervalMs: 200,
    samplingIntervalMs: 100,
    bridgeMs: 30_000,
    history: 'off',
    ...changed,
  };
}

export function itemOf(id: number, name: string, changed: Partial<ItemSpec> = {}): ItemSpec {
  return {
    id,
    node: nodeKey(name),
    field: '',
    site: 'site',
    asset: 'asset',
    point: name,
    samplingIntervalMs: null,
    deadbandKind: 'none',
    deadband: 0,
    ...changed,
  };
}

/** The numbered nodes of the test server, from the first on; item ids are their index plus one. */
export const numberItems = (count: number): ItemSpec[] =>
  Array.from({ length: count }, (_, index) => itemOf(index + 1, numberName(index)));

export async function startCollecting(endpointUrl: string, options: CollectingOptions = {}): Promise<Collecting> {
  const values: Value[] = [];
  const gaps: FoundGap[] = [];
  const events: Collecting['events'] = [];
  const reports: { state: ConnectionState; trouble: Trouble | null }[] = [];
  const items = new Map<number, ItemReport>();
  let kept: NonNullable<CollectorOptions['resume']> = { subscriptions: [] };
  let hasRoom = true;
  let onRoom = () => {};
  const certificate = options.certificate ?? (await ourCertificate());
  const collector = startCollector({
    spec: specOf(endpointUrl, options.spec),
    items: options.items ?? numberItems(5),
    application: {
      certificateDer: certificate.der,
      privateKeyPem: certificate.privateKeyPem,
      applicationUri: certificate.applicationUri,
    },
    trust: {
      isTrusted: (_, der) => options.trusts?.(der) ?? true,
      noteRejected: (_, der, __, reason) => options.rejected?.(der, reason),
    },
    resume: options.resume ?? null,
    port: {
      deliver: (batch) => {
        // A keep-alive.
        if (batch.length === 0) return;
        values.push(...batch);
        events.push(batch);
      },
      hasRoom: () => hasRoom,
      onRoom: (listener) => {
        onRoom = listener;
      },
      recordGap: async (gap) => {
        gaps.push(gap);
        events.push(gap);
      },
      report: (state, trouble) => reports.push({ state, trouble }),
      reportItems: (those) => {
        for (const report of those) items.set(report.itemId, report);
      },
      keepSubscriptions: (subscriptions, session) => {
        kept = { subscriptions, session };
      },
      resumed: (isWhole) => void events.push({ isWhole }),
      ...options.port,
    },
  });
  const valuesOf = (itemId: number) => values.filter((value) => value.itemId === itemId);
  return {
    collector,
    values,
    gaps,
    events,
    reports,
    items,
    kept: () => kept,
    trouble: () => reports.at(-1)?.trouble ?? null,
    state: () => reports.at(-1)?.state,
    valuesOf,
    missing: (itemId, numbers) => {
      const had = new Set(valuesOf(itemId).map(({ value }) => value));
      return numbers.filter((number) => !had.has(number));
    },
    setRoom: (now) => {
      hasRoom = now;
      if (now) onRoom();
    },
  };
}

/** Waits until a condition holds; throws with what was looked at after so many ms. */
export async function until(
  condition: () => boolean,
  what: string,
  msMax = 60_000,
  look?: () => unknown,
): Promise<void> {
  const endMs = Date.now() + msMax;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`not within ${msMax} ms: ${what} ${look ? JSON.stringify(look()) : ''}`);
    await sleep(20);
  }
}
