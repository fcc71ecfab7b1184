import type { Message } from '../intake/message.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import type { KnownSite } from './directory.ts';
import type { Sample } from './sample.ts';
import type { ProtocolTopic } from './topic.ts';

/** Samples of one asset, whose points may still have to be looked up or discovered. */
export type Readout = {
  readonly message: Message;
  readonly site: KnownSite;
  readonly asset: string;
  readonly samples: readonly Sample[];
  /** Texts that are no readings of their points are passed over: the birth of a Sparkplug node names everything there is. */
  readonly textsMayBeStrange?: boolean;
};

/** A message of which something could not be stored, and why. */
export type Rejected = { readonly message: Message; readonly rejection: Rejection };

export type ProtocolOutcome = { readonly readouts: readonly Readout[]; readonly rejected: readonly Rejected[] };

/** Protocols by the kind of their topics; one that is absent is not read. */
export type Protocols = Readonly<Partial<Record<ProtocolTopic['kind'], Protocol>>>;

/**
 * A protocol that remembers what it was told before: it reads its messages of a batch, in the order in which they came,
 * once each. Rejects only when the database cannot be asked; the same messages come again then.
 */
export type Protocol = (messages: readonly Message[]) => Promise<ProtocolOutcome>;
