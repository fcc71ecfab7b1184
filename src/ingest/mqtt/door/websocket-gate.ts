/**
 * From an HTTP connection to MQTT's bytes (MQTT 3.1.1, chapter 6; RFC 6455). A message of a WebSocket may hold a part of a
 * packet, or several: their boundaries mean nothing.
 */
import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { packetBytesMax } from './connection.ts';
import { connectBytesMax } from './early-bytes.ts';
import type { NoteRefusal } from './refusals.ts';
import type { Visitor } from './visitor.ts';
import { createWebSocketWire } from './websocket-wire.ts';

export type WebSocketGateOptions = {
  readonly origins: readonly string[];
  readonly noteRefusal: NoteRefusal;
  readonly onWire: (wire: Duplex, visitor: Visitor) => void;
};

export type WebSocketGate = {
  /** Takes a connection that should speak HTTP. */
  pass(socket: Duplex, visitor: Visitor): void;
};

const headerBytesMax = 8_192;
const closeMsMax = 5_000;
/** A packet with its header, and a small one before it. */
const messageBytesMax = packetBytesMax + 1_024;
const arrivingBytesMax = connectBytesMax + 1_024;
/** [MQTT-6.0.0-3]; the second is what clients of MQTT 3.1 ask for. */
const subprotocols = ['mqtt', 'mqttv3.1'];

/** Upgrades connections; those that ask for something else are told so. */
export function createWebSocketGate({ origins, noteRefusal, onWire }: WebSocketGateOptions): WebSocketGate {
  const visitors = new WeakMap<object, Visitor>();
  const refuse = (socket: object, reason: string, error: string) => {
    const visitor = visitors.get(socket);
    visitor?.arrive();
    noteRefusal(reason, { address: visitor?.remoteAddress ?? '', door: visitor?.door, error });
  };
  // The types lag behind the library.
  const limits: ServerOptions & { closeTimeout: number; maxFragments: number; maxBufferedChunks: number } = {
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: arrivingBytesMax,
    maxFragments: 1_024,
    maxBufferedChunks: 4_096,
    closeTimeout: closeMsMax,
    handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
  };
  const sockets = new WebSocketServer(limits);
  sockets.on('wsClientError', (error, socket) => {
    refuse(socket, 'not_websocket', error.message);
    answer(socket, 400, error.message);
  });
  // It listens nowhere: connections come in by its event.
  const server = createServer({ maxHeaderSize: headerBytesMax, keepAlive: false }, (request, response) => {
    refuse(request.socket, 'not_websocket', `${request.method} without an upgrade`);
    response.writeHead(426, { connection: 'close, upgrade', upgrade: 'websocket', 'content-type': 'text/plain' });
    response.end('MQTT over WebSockets lives here\n');
    response.on('finish', () => request.socket.destroySoon());
  });
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET') return socket.destroy();
    refuse(socket, 'not_websocket', error.code ?? error.message);
    answer(socket, error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400, 'this is no HTTP that is understood here');
  });
  server.on('upgrade', (request, socket, head) => {
    const wrong = findWrong(request, origins);
    if (wrong) {
      refuse(socket, wrong.reason, wrong.why);
      answer(socket, wrong.status, wrong.why);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const visitor = visitors.get(socket);
      if (!visitor) return webSocket.terminate();
      visitor.onAdmitted = () => allowMore(webSocket);
      const { remoteAddress: address, door } = visitor;
      const wire = createWebSocketWire(webSocket, (reason, error) => noteRefusal(reason, { address, door, error }));
      onWire(wire, visitor);
    });
  });
  return {
    pass: (socket, visitor) => {
      visitors.set(socket, visitor);
      server.emit('connection', socket);
    },
  };
}

type Wrong = { readonly reason: string; readonly status: number; readonly why: string };

/**
 * A page of another host may not connect unless the settings name its origin: pages are loaded by people whose browsers
 * reach networks, and hold certificates, that the page's author does not. Devices send no Origin, or that of the host.
 */
function findWrong({ headers }: IncomingMessage, origins: readonly string[]): Wrong | undefined {
  const { origin, host = '' } = headers;
  const isKnown = origin === undefined || origins.includes('*') || origins.includes(origin) || isSameHost(origin, host);
  if (!isKnown) return { reason: 'websocket_origin', status: 403, why: `pages of ${origin} may not connect here` };
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
  if (offered.some((name) => subprotocols.includes(name))) return undefined;
  return { reason: 'websocket_subprotocol', status: 400, why: 'the subprotocol must be mqtt' };
}

/** Whatever the ports, and whether it says http or https: Paho's clients make their Origin up so. */
function isSameHost(origin: string, host: string): boolean {
  const name = URL.canParse(origin) ? new URL(origin).hostname : '';
  return name !== '' && URL.canParse(`http://${host}`) && name === new URL(`http://${host}`).hostname;
}

function answer(socket: Duplex, status: number, why: string): void {
  const body = `${why}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  if (socket.writable) socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
  else socket.destroy();
}

/** The library sets the limit once and for all, which would give strangers as much room as devices. */
function allowMore(webSocket: WebSocket): void {
  const { _receiver: receiver } = webSocket as unknown as { _receiver?: { _maxPayload: number } };
  if (receiver) receiver._maxPayload = messageBytesMax;
}
