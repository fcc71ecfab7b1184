/** What listens at a port where the library got no proper answer: it says alike of a reset and of an HTTP server. */
import { createConnection } from 'node:net';

const answerMsMax = 2_000;

/** Whether something answers there that is no OPC-UA server. False where nothing answers. */
export async function answersSomethingElse(endpointUrl: string): Promise<boolean> {
  const { hostname, port } = new URL(endpointUrl.replace(/^opc\.tcp:/, 'tcp:'));
  const answer = await ask(hostname.replaceAll(/[[\]]/g, ''), Number(port || 4840), helloOf(endpointUrl));
  return answer.length >= 3 && !['ACK', 'ERR'].includes(answer.toString('latin1', 0, 3));
}

function ask(host: string, port: number, question: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port }, () => socket.write(question));
    const end = (answer: Buffer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(answerMsMax, () => end(Buffer.alloc(0)));
    socket.once('data', end);
    socket.once('error', () => end(Buffer.alloc(0)));
    socket.once('close', () => end(Buffer.alloc(0)));
  });
}

/** A Hello message (OPC 10000-6, 7.1.2.3): version 0, buffers of 64 KiB, no limits, and the address. */
function helloOf(endpointUrl: string): Buffer {
  const url = Buffer.from(endpointUrl);
  const message = Buffer.alloc(32 + url.length);
  message.write('HELF', 'latin1');
  message.writeUInt32LE(message.length, 4);
  message.writeUInt32LE(65_536, 12);
  message.writeUInt32LE(65_536, 16);
  message.writeUInt32LE(url.length, 28);
  url.copy(message, 32);
  return message;
}
