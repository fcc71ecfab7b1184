export type DoorKind = 'tcp' | 'tls' | 'ws' | 'wss';

/** Somebody who has come in through a door, and has not said yet who it is. */
export type Visitor = {
  readonly door: DoorKind;
  /** What its connections are counted by. */
  readonly address: string;
  /** As the socket tells it. */
  readonly remoteAddress: string;
  /** Common name of its certificate, which has been verified. */
  certificateCn: string | undefined;
  /** It has said who it is, in time. */
  arrive(): void;
  /** It is a device of ours, and may send as much at once as a device may. */
  onAdmitted: () => void;
};
