/** What a collector needs of the world, and what it gives: the seam between reading a server and keeping what was read. */
import type { ClientSession } from 'node-opcua-client';
import type { KeptSession } from '../client/session.ts';
import type { Application, Trust } from '../client/trust.ts';
import type { ConnectionSpec, ConnectionState, FoundGap, ItemReport, ItemSpec, Trouble, Value } from '../connection.ts';

/**
 * A subscription that outlives the program, and the monitored items in it: our handle, the server's id, and what the
 * item was asked for. Handles are in the server's notifications, so they stay the same over restarts.
 */
export type KeptSubscription = {
  readonly id: number;
  readonly publishingIntervalMs: number;
  readonly keepAliveCount: number;
  readonly lifetimeCount: number;
  /** Another start, and the number is another subscription's. */
  readonly serverStartedAtMs: number | null;
  readonly items: readonly KeptItem[];
};

export type KeptItem = {
  readonly handle: number;
  readonly monitoredItemId: number;
  /** Node, interval and dead-band in one text: an item asked for otherwise today is made anew. */
  readonly asked: string;
  readonly samplingMs: number;
  readonly queueSize: number;
};

/** What a server says of itself. */
export type ServerFacts = {
  readonly productName: string | null;
  readonly manufacturer: string | null;
  readonly softwareVersion: string | null;
  /** In ms since 1970; a change means that the server was restarted. */
  readonly startedAtMs: number | null;
  /** The server's clock less ours. */
  readonly clockAheadMs: number | null;
  readonly namespaces: readonly string[];
  /** Zero where the server states none. */
  readonly nodesPerReadMax: number;
  readonly monitoredItemsPerCallMax: number;
  readonly nodesPerHistoryReadMax: number;
  readonly sessionTimeoutMs: number;
};

export type CollectorPort = {
  /**
   * Values in the order in which they came. The promise resolves once they are committed, and only then is the server
   * told that it may forget them; where nothing is returned, that is at once. A rejection leaves them with the server.
   * Without values: the server had nothing else to tell until then. `throughMs`, by the server's clock and never less than
   * before: with these values, all that it had to tell until then has been delivered.
   */
  deliver(values: readonly Value[], throughMs: number): Promise<void> | void;
  /** False: the server's queues hold what comes, until `onRoom`. */
  hasRoom(): boolean;
  /** Called whenever there is room again. */
  onRoom(listener: () => void): void;
  /** Recorded before anything after it is delivered: the collector awaits it, and tries again for ever. */
  recordGap(gap: FoundGap): Promise<void>;
  /** The link's state, whenever it changes. */
  report(state: ConnectionState, trouble: Trouble | null, server?: ServerFacts): void;
  reportItems(reports: readonly ItemReport[]): void;
  /** To be kept for a restart of the program. The session's token is a secret. */
  keepSubscriptions(subscriptions: readonly KeptSubscription[], session: KeptSession | null): void;
  /**
   * Told once, before anything is delivered, where the collector was started with something to resume: whether the
   * server still had all of it. If not, what lies between the last commit and the first value is a gap.
   */
  resumed?(isWhole: boolean): Promise<void> | void;
};

export type CollectorOptions = {
  readonly spec: ConnectionSpec;
  readonly items: readonly ItemSpec[];
  readonly application: Application;
  readonly trust: Trust;
  /** What keepSubscriptions was told last, before the program stopped. */
  readonly resume?: {
    readonly subscriptions: readonly KeptSubscription[];
    readonly session?: KeptSession | null;
    /** What the server sent until then, by its clock, is committed: where its queues have overflowed since, the gap's begin. */
    readonly throughMs?: number | null;
  } | null;
  readonly port: CollectorPort;
};

export type Collector = {
  /** Items added, changed and removed while running. */
  setItems(items: readonly ItemSpec[]): void;
  /** Work through the live session; rejects while there is none. */
  withSession<T>(work: (session: ClientSession) => Promise<T>): Promise<T>;
  /** The server's NamespaceArray; empty before the first connection. */
  namespaces(): readonly string[];
  /** Called after each connection, when values flow again. */
  onConnected(listener: () => void): void;
  /** Ends reading. With keep, subscriptions and session stay at the server for the next start. */
  close(options?: { readonly keep?: boolean }): Promise<void>;
};
