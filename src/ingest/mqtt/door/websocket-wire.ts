import { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';

const readableBytesMax = 16_384;

/**
 * A WebSocket as a stream of bytes: what is read and written are its binary messages, whatever their boundaries. `onWrong`
 * is told of what is against the protocol, and ends the connection.
 */
export function createWebSocketWire(socket: WebSocket, onWrong: (reason: string, error: string) => void): Duplex {
  const send = (bytes: Buffer, done: (error?: Error | null) => void) => {
    // A socket that has gone takes nothing any more; its close follows, and is no error of ours.
    if (socket.readyState === socket.OPEN) socket.send(bytes, () => done());
    else done();
  };
  const wire = new Duplex({
    readableHighWaterMark: readableBytesMax,
    read: () => {
      if (socket.isPaused) socket.resume();
    },
    write: (chunk: Buffer, _encoding, done) => send(chunk, done),
    writev: (chunks, done) => send(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done),
    final: (done) => {
      if (socket.readyState === socket.CLOSED) return done();
      socket.once('close', () => done());
      socket.close(1000);
    },
    destroy: (error, done) => {
      socket.terminate();
      done(error);
    },
  });
  socket.on('message', (message: RawData, isBinary: boolean) => {
    // [MQTT-6.0.0-1]
    if (!isBinary) {
      onWrong('websocket_text', 'a message is text');
      socket.close(1003);
      return;
    }
    if (wire.readableEnded || wire.destroyed) return;
    if (!wire.push(message as Buffer)) socket.pause();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') onWrong('packet_too_large', error.message);
    else if (error.code?.startsWith('WS_ERR_')) onWrong('websocket_malformed', error.message);
  });
  socket.on('close', () => {
    if (!wire.destroyed) wire.push(null);
  });
  return wire;
}
