/** Everything of Sparkplug B in one piece, between the doors and the intake and behind it. */
import type { Log } from '../../platform/log.ts';
import type { Protocol } from '../decode/protocol.ts';
import type { Message } from '../intake/message.ts';
import type { Publish } from '../publish.ts';
import { createSparkplugHost, type SparkplugHost } from './host.ts';
import { createHostState } from './host-state.ts';
import { createOrder, type Order } from './order.ts';
import type { PlacesOptions } from './places.ts';
import { createRebirths } from './rebirths.ts';

export type Sparkplug = SparkplugHost & {
  /** Puts messages into the order in which their edge nodes sent them, before they go to `pass`. */
  createOrder(pass: (message: Message) => void): Order;
  /**
   * Begins to speak: the state of the host to those who subscribe here, requests for births there as well, behind an
   * external broker, whose client says the state of the host itself.
   */
  open(here: Publish, there?: Publish): Promise<void>;
  /** Says that the host is offline, and nothing more. */
  close(): Promise<void>;
};

export type SparkplugSettings = {
  /** The name of this host among the hosts of its tenants. */
  readonly hostId: string;
  /** How long an early message waits for those before it, in milliseconds. */
  readonly reorderMs: number;
};

export const defaultSparkplug: SparkplugSettings = { hostId: 'faultline', reorderMs: 2_500 };

type SparkplugOptions = PlacesOptions & { readonly log: Log; readonly settings: SparkplugSettings };

/** A host that says nothing until it is opened. */
export function createSparkplug({ log, settings, ...options }: SparkplugOptions): Sparkplug {
  const rebirths = createRebirths(log);
  const state = createHostState({ db: options.db, hostId: settings.hostId, log });
  return {
    ...createSparkplugHost({ ...options, rebirths, onState: state.overheard }),
    createOrder: (pass) => createOrder({ pass, waitMs: settings.reorderMs, onGap: rebirths.want }),
    open: async (here, there) => {
      rebirths.open(async (tenantId, message) => {
        await here(tenantId, message);
        await there?.(tenantId, message);
      });
      await state.open(here);
    },
    close: async () => {
      rebirths.close();
      await state.close();
    },
  };
}

/** Reads again what was not understood when it came, by what is known now; nobody is asked for anything, and nothing kept. */
export function createSparkplugReplay(options: PlacesOptions): Protocol {
  const ignore = () => undefined;
  const rebirths = { want: ignore, born: ignore, open: ignore, close: ignore };
  return createSparkplugHost({ ...options, rebirths, onState: ignore, isReplay: true }).read;
}
