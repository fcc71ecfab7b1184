import { type RefusalCode, refusalList } from './refusal-list.ts';

/** One wrong part of a request: where it is (a JSON pointer, RFC 6901, into that part), what is wrong, and in words. */
export type FieldError = {
  readonly in: 'body' | 'query' | 'path' | 'header';
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
};

/** A request that is refused: thrown by whoever finds the reason, answered by the API's error handler. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: RefusalCode;
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: RefusalCode, message: string, more: Partial<Pick<Refusal, 'errors' | 'headers' | 'cause'>> = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.code = code;
    this.errors = more.errors ?? [];
    this.headers = more.headers ?? {};
  }

  get status(): number {
    return refusalList[this.code].status;
  }
}

/** A property of the body that does not go together with what there is. */
export function conflict(code: RefusalCode, pointer: string, message: string, cause?: unknown): Refusal {
  const error = { in: 'body', pointer, code: 'conflict', message } as const;
  return new Refusal(code, sentenceOf([error]), { errors: [error], cause });
}

/** As many as may run at once do so; a place is likely to be free after so long. */
export const busy = (code: RefusalCode, retryAfterS: number) =>
  new Refusal(code, 'Wait until one of them has ended, then try again.', {
    headers: { 'retry-after': String(retryAfterS) },
  });

/** The first wrong part in words, and how many more there are. */
export function sentenceOf(errors: readonly FieldError[]): string {
  const [first, ...others] = errors;
  if (first === undefined) return 'The request is not valid.';
  const place = first.pointer === '' ? `The ${first.in}` : `${first.pointer.slice(1)} (${first.in})`;
  return `${place}: ${first.message}.${others.length > 0 ? ` And ${others.length} more.` : ''}`;
}
