/**
 * A form with a file (RFC 7578) as it streams: the small fields first, kept; then the file, handed on piece by piece.
 *
 *   --boundary CRLF headers CRLF CRLF content CRLF --boundary … --boundary--
 */
import { refusals } from '../../platform/refusals.ts';

export type Form = {
  /** The fields before the file, by name. */
  readonly fields: Readonly<Record<string, string>>;
  readonly fileName: string | undefined;
  readonly file: AsyncIterable<Buffer>;
};

const headBytesMax = 8_192;
const fieldsMax = 16;
const known: readonly string[] = ['columns', 'site', 'asset'];

/**
 * Reads a form up to its part `file`. Throws validation_failed for one that is malformed, has no such part, or has a field that
 * nobody knows or that is larger than `fieldBytesMax`.
 */
export async function readForm(
  bytes: AsyncIterable<Buffer>,
  contentType: string,
  fieldBytesMax: number,
): Promise<Form> {
  const boundary = boundaryOf(contentType);
  const source = createSource(bytes);
  const delimiter = Buffer.from(`\r\n--${boundary}`);
  // The first delimiter has no line end before it: one is put there.
  source.unread(Buffer.from('\r\n'));
  await source.through(delimiter, headBytesMax);
  const fields: Record<string, string> = {};
  for (let count = 0; count < fieldsMax; count++) {
    const head = (await source.through(Buffer.from('\r\n\r\n'), headBytesMax)).toString('utf8').replaceAll('\0', '');
    if (head.startsWith('--')) break;
    const { name, fileName } = dispositionOf(head);
    if (name === 'file') return { fields, fileName, file: source.until(delimiter) };
    if (!known.includes(name))
      throw malformed(`there is no part ${name.slice(0, 60)} here; file, columns, site and asset are`);
    const value = (await source.through(delimiter, fieldBytesMax)).toString('utf8');
    if (value.includes('\0')) throw malformed(`${name} has a NUL character`);
    fields[name] = value;
  }
  throw malformed('the form has no part file; it comes last');
}

function boundaryOf(contentType: string): string {
  const match = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType);
  const boundary = match?.[1] ?? match?.[2];
  if (boundary === undefined) throw malformed('Content-Type names no boundary');
  return boundary;
}

function dispositionOf(head: string): { name: string; fileName: string | undefined } {
  const line = /^content-disposition:\s*form-data(;[^\r\n]*)$/im.exec(head)?.[1] ?? '';
  const name = /;\s*name="([^"]*)"/i.exec(line)?.[1];
  if (name === undefined) throw malformed('a part has no name');
  return { name, fileName: /;\s*filename="([^"]*)"/i.exec(line)?.[1]?.slice(0, 255) };
}

/** Bytes that can be read up to a mark. */
function createSource(bytes: AsyncIterable<Buffer>) {
  const iterator = bytes[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  const more = async (): Promise<void> => {
    const { value, done } = await iterator.next();
    if (done) throw malformed('the form ends in the middle');
    held = held.length === 0 ? value : Buffer.concat([held, value]);
  };
  return {
    unread: (given: Buffer) => {
      held = Buffer.concat([given, held]);
    },
    /** What comes before a mark, which is passed over; at most `bytesMax`. */
    through: async (mark: Buffer, bytesMax: number): Promise<Buffer> => {
      for (;;) {
        const at = held.indexOf(mark);
        if (at > bytesMax || (at < 0 && held.length > bytesMax + mark.length))
          throw malformed(`a part, or what stands before it, is larger than ${bytesMax} bytes`);
        if (at < 0) {
          await more();
          continue;
        }
        const found = held.subarray(0, at);
        held = held.subarray(at + mark.length);
        return found;
      }
    },
    /** What comes before a mark, piece by piece. What comes after it is read and given up, so that the request can end. */
    until: async function* (mark: Buffer): AsyncGenerator<Buffer> {
      for (let at = held.indexOf(mark); ; at = held.indexOf(mark)) {
        // The end of what is held may be the beginning of the mark.
        const sure = at < 0 ? held.length - mark.length + 1 : at;
        if (sure > 0) {
          yield held.subarray(0, sure);
          held = held.subarray(sure);
        }
        if (at >= 0) break;
        await more();
      }
      for (let rest = await iterator.next(); !rest.done; ) rest = await iterator.next();
    },
  };
}

function malformed(message: string) {
  return refusals.invalidBody('', 'malformed_form', message);
}
