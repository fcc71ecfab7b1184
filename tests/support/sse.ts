import { type IncomingMessage, request } from 'node:http';
import { vi } from 'vitest';

/** An event as an EventSource would dispatch it, with the last id that was known then. */
// biome-ignore lint/suspicious/noExplicitAny: a test reads whatever JSON came, and says itself what it must be.
export type SseEvent = { readonly type: string; readonly data: any; readonly lastId: string };

export type SseStream = {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  /** What has come so far. */
  readonly events: SseEvent[];
  readonly comments: string[];
  readonly lastId: string;
  readonly isEnded: boolean;
  /** The body of an answer that is no stream. */
  readonly text: string;
  /** Waits until so many events of a type have come, and returns those. */
  wait(type: string, count?: number): Promise<SseEvent[]>;
  untilEnd(): Promise<void>;
  pause(): void;
  resume(): void;
  close(): void;
};

const waiting = { timeout: 60_000, interval: 10 };

/** Opens a stream of server-sent events; resolves with its head, and reads on. */
export function openSse(
  url: string,
  { key, lastEventId, method = 'GET' }: { key: string; lastEventId?: string; method?: string },
): Promise<SseStream> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}`, ...(lastEventId && { 'last-event-id': lastEventId }) };
    const sent = request(url, { method, headers, agent: false }, (response) =>
      resolve(read(response, () => sent.destroy())),
    );
    sent.on('error', reject).end();
  });
}

function read(response: IncomingMessage, close: () => void): SseStream {
  const stream = {
    status: response.statusCode ?? 0,
    headers: response.headers,
    events: [] as SseEvent[],
    comments: [] as string[],
    lastId: '',
    isEnded: false,
    text: '',
    wait: async (type: string, count = 1) => {
      const found = () => stream.events.filter((event) => event.type === type);
      await vi.waitFor(() => {
        if (found().length < count) throw new Error(`${found().length} of ${count} ${type} have come`);
      }, waiting);
      return found();
    },
    untilEnd: () =>
      vi.waitFor(() => {
        if (!stream.isEnded) throw new Error('it has not ended');
      }, waiting),
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    close,
  };
  let rest = '';
  response.setEncoding('utf8');
  response.on('data', (piece: string) => {
    if (!response.headers['content-type']?.startsWith('text/event-stream')) stream.text += piece;
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) take(stream, block);
  });
  response.on('error', () => undefined);
  response.once('close', () => {
    stream.isEnded = true;
  });
  return stream;
}

/** One block of lines (HTML, 9.2.6). */
function take(stream: { events: SseEvent[]; comments: string[]; lastId: string }, block: string): void {
  let type = 'message';
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const at = line.indexOf(':');
    const field = at < 0 ? line : line.slice(0, at);
    const value = at < 0 ? '' : line.slice(at + 1).replace(/^ /, '');
    if (field === '') stream.comments.push(value);
    if (field === 'event') type = value;
    if (field === 'data') data.push(value);
    if (field === 'id') stream.lastId = value;
  }
  if (data.length > 0) stream.events.push({ type, data: JSON.parse(data.join('\n')), lastId: stream.lastId });
}
