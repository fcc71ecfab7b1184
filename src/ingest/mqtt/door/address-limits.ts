/**
 * How many connections there are, in all and of each address, and how many of them have not said yet who they are. Many
 * plants sit behind one address, and so does everybody behind a proxy: an address may have half of all.
 */
import { isIPv6 } from 'node:net';

export type AddressLimits = {
  /** Counts a connection in, as one that has not said who it is; or tells why it may not come in. */
  enter(address: string): TooMany | undefined;
  /** It has said who it is. */
  arrive(address: string): void;
  /** It has gone. */
  leave(address: string, hasArrived: boolean): void;
};

export type TooMany = 'too_many_connections' | 'too_many_of_address' | 'too_many_arriving';

export type AddressLimitsOptions = { readonly connectionsMax: number; readonly addressConnectionsMax: number };

/**
 * A connection that has not said who it is holds a TLS handshake, or a piece of a CONNECT or of a WebSocket's message, for
 * some seconds at most. A plant whose power comes back arrives by hundreds in the same moment.
 */
const arrivingMax = { all: 8_000, address: 2_000 };

/** Nobody is there yet. */
export function createAddressLimits({ connectionsMax, addressConnectionsMax }: AddressLimitsOptions): AddressLimits {
  const counts = new Map<string, { here: number; arriving: number }>();
  const all = { here: 0, arriving: 0 };
  return {
    enter: (address) => {
      const own = counts.get(address) ?? { here: 0, arriving: 0 };
      if (all.here >= connectionsMax) return 'too_many_connections';
      if (own.here >= addressConnectionsMax) return 'too_many_of_address';
      if (all.arriving >= arrivingMax.all || own.arriving >= arrivingMax.address) return 'too_many_arriving';
      counts.set(address, own);
      for (const count of [all, own]) {
        count.here++;
        count.arriving++;
      }
      return undefined;
    },
    arrive: (address) => {
      all.arriving--;
      const own = counts.get(address);
      if (own) own.arriving--;
    },
    leave: (address, hasArrived) => {
      const own = counts.get(address);
      for (const count of own ? [all, own] : [all]) {
        count.here--;
        if (!hasArrived) count.arriving--;
      }
      if (own?.here === 0) counts.delete(address);
    },
  };
}

/** What counts as one address: an IPv4 address, or the 64 bits of an IPv6 address that one subscriber gets (RFC 6177). */
export function addressOf(remoteAddress: string | undefined): string {
  if (!remoteAddress) return '';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress)?.[1];
  if (mapped) return mapped;
  if (!isIPv6(remoteAddress)) return remoteAddress;
  const [before = '', after] = (remoteAddress.split('%')[0] ?? '').split('::');
  const front = before === '' ? [] : before.split(':');
  const back = after ? after.split(':') : [];
  const zeros = after === undefined ? [] : new Array(Math.max(0, 8 - front.length - back.length)).fill('0');
  return `${[...front, ...zeros, ...back].slice(0, 4).join(':')}::/64`;
}
