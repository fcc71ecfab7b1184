import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { newId } from '../platform/id.ts';
import { Refusal } from '../platform/refusal.ts';
import { type RefusalCode, refusalList } from '../platform/refusal-list.ts';
import { problemOf, problemType } from './problem.ts';

const codeOf: Record<string, RefusalCode> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
  HPE_HEADER_OVERFLOW: 'headers_too_large',
};

/** Answers what is not HTTP, on the bare socket, since there is no request yet: with the same body as every error. */
export function answerClientError(error: Error & { code?: string }, socket: Socket, publicUrl: string): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const code = codeOf[error.code ?? ''] ?? 'malformed_request';
  const refusal = new Refusal(code, refusalList[code].title, { cause: error });
  const body = JSON.stringify(problemOf(refusal, { id: newId(), url: '' }, publicUrl));
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    `Content-Type: ${problemType}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
