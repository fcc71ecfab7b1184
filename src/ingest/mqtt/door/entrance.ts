/**
 * The ports through which devices come, and what lies between a TCP connection and a stream of MQTT's bytes:
 *
 *   tcp ─▶ limits ──────────────────────────────▶ wire
 *   tls ─▶ limits ─▶ handshake ─────────────────▶ wire
 *   ws  ─▶ limits ──────────────▶ HTTP upgrade ─▶ wire
 *   wss ─▶ limits ─▶ handshake ─▶ HTTP upgrade ─▶ wire
 *
 * From the TCP connection to the end of its CONNECT a visitor has `arriveMsMax`, however it spends them.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type AddressLimitsOptions, addressOf, createAddressLimits } from './address-limits.ts';
import type { NoteRefusal } from './refusals.ts';
import type { TlsFiles } from './tls-files.ts';
import { createTlsGate, type TlsGate } from './tls-gate.ts';
import type { DoorKind, Visitor } from './visitor.ts';
import { createWebSocketGate } from './websocket-gate.ts';

export type EntranceOptions = AddressLimitsOptions & {
  readonly tls: TlsFiles | undefined;
  /** Origins of web pages that may connect by WebSocket, beside pages of the same host; `*` is any. */
  readonly webSocketOrigins: readonly string[];
  readonly noteRefusal: NoteRefusal;
  readonly onWire: (wire: Duplex, visitor: Visitor) => void;
};

export type Entrance = {
  /** Listens; resolves with the port, which is another than asked for when that was 0. */
  listen(kind: DoorKind, port: number, host: string): Promise<{ port: number }>;
  /** Ends what has been arriving for too long. */
  sweep(): void;
  /** Lets nobody in any more, and ends what has not arrived. */
  close(): void;
};

const arriveMsMax = 10_000;

type Arriving = { readonly visitor: Visitor; readonly socket: Socket; readonly since: number };

/** Nothing listens yet. */
export function createEntrance(options: EntranceOptions): Entrance {
  const { noteRefusal, onWire, tls } = options;
  const arrivals = createArrivals(options);
  const servers: Server[] = [];
  const webSockets = createWebSocketGate({ origins: options.webSocketOrigins, noteRefusal, onWire });
  let tlsGate: TlsGate | undefined;

  const pass = (kind: DoorKind): ((socket: Duplex, visitor: Visitor) => void) => {
    const next = kind === 'ws' || kind === 'wss' ? webSockets.pass : onWire;
    if (kind === 'tcp' || kind === 'ws') return next;
    if (!tls) throw new Error(`a ${kind} door needs a certificate and its key`);
    tlsGate ??= createTlsGate(tls, noteRefusal);
    const gate = tlsGate;
    return (socket, visitor) => gate.pass(socket as Socket, visitor, next);
  };

  return {
    listen: async (kind, port, host) => {
      const next = pass(kind);
      const server = createServer(
        { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay },
        (socket) => {
          const visitor = arrivals.enter(kind, socket);
          if (visitor) next(socket, visitor);
        },
      );
      servers.push(server);
      server.listen(port, host);
      await once(server, 'listening');
      // As when the process has no file descriptors left: whoever is here stays, and whoever comes may try again.
      server.on('error', (error) => noteRefusal('not_accepted', { address: '', door: kind, error: error.message }));
      return { port: (server.address() as AddressInfo).port };
    },
    sweep: arrivals.sweep,
    close: () => {
      for (const server of servers) server.close();
      tlsGate?.close();
      arrivals.end();
    },
  };
}

type Arrivals = {
  /** A visitor on a connection that was just accepted; undefined, and the connection is reset, when there are too many. */
  enter(kind: DoorKind, socket: Socket): Visitor | undefined;
  sweep(): void;
  /** Ends what has not arrived. */
  end(): void;
};

function createArrivals({ noteRefusal, ...options }: EntranceOptions): Arrivals {
  const limits = createAddressLimits(options);
  const arriving = new Set<Arriving>();

  const enter = (kind: DoorKind, socket: Socket): Visitor | undefined => {
    const remoteAddress = socket.remoteAddress ?? '';
    const address = addressOf(remoteAddress);
    // Whoever breaks the connection is nothing to report: the close follows.
    socket.on('error', () => socket.destroy());
    const tooMany = limits.enter(address);
    if (tooMany) {
      noteRefusal(tooMany, { address: remoteAddress });
      socket.resetAndDestroy();
      return undefined;
    }
    let hasArrived = false;
    const visitor: Visitor = {
      door: kind,
      address,
      remoteAddress,
      certificateCn: undefined,
      arrive: () => {
        if (hasArrived || !arriving.delete(one)) return;
        hasArrived = true;
        limits.arrive(address);
      },
      onAdmitted: () => undefined,
    };
    const one: Arriving = { visitor, socket, since: performance.now() };
    arriving.add(one);
    socket.once('close', () => {
      arriving.delete(one);
      limits.leave(address, hasArrived);
    });
    return visitor;
  };

  return {
    enter,
    sweep: () => {
      const now = performance.now();
      for (const one of arriving) {
        if (now - one.since < arriveMsMax) return;
        one.visitor.arrive();
        noteRefusal('connect_timeout', { address: one.visitor.remoteAddress, door: one.visitor.door });
        one.socket.destroy();
      }
    },
    end: () => {
      for (const { socket } of arriving) socket.destroy();
    },
  };
}

/** A device may ask for no keep-alive of MQTT's own; then TCP finds out whether it is still there. */
const keepAliveInitialDelay = 60_000;
