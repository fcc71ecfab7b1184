/**
 * A form with one file (RFC 7578) as it streams: small fields in any order around the file, which goes to the disk piece by piece.
 * Whatever is wrong with it, nothing of it is left on the disk.
 */
import type { IncomingMessage } from 'node:http';
import type { Multipart } from '@fastify/multipart';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { linger } from '../platform/linger.ts';
import { type FieldError, Refusal } from '../platform/refusal.ts';
import { refusals } from '../platform/refusals.ts';
import { findUnstorable } from '../platform/storable.ts';
import { discardFile, type ReceivedFile, receiveFile } from './receive-file.ts';

export type FormShape<F> = {
  /** The name of the part that is the file. */
  readonly file: string;
  readonly fields: z.ZodType<F>;
};
export type ReceivedForm<F> = { readonly file: ReceivedFile; readonly fields: F };

type Where = { readonly folder: string; readonly bytesMax: number };

/** How long an upload may take in all, in milliseconds. */
export const uploadMsMax = 3_600_000;
const idleMsMax = 30_000;
const fieldsMax = 12;
const limits = {
  fieldNameSize: 100,
  fieldSize: 20_000,
  fields: fieldsMax,
  files: 1,
  parts: fieldsMax + 1,
  headerPairs: 20,
  headerSize: 16_384,
};

/**
 * Reads a form to its end. Throws media_type_unsupported for what is no form, validation_failed for one that is malformed, has a
 * field that nobody knows, or no file; body_too_large, request_timeout and what receiveFile throws.
 */
export async function receiveForm<F>(
  request: FastifyRequest,
  shape: FormShape<F>,
  where: Where,
): Promise<ReceivedForm<F>> {
  requireForm(request);
  const { raw } = request;
  const clock = watch(raw);
  const reading = readParts(request, shape, where);
  try {
    return await Promise.race([reading, clock.late]);
  } catch (error) {
    // What still comes after its time is taken by nobody.
    void reading.then(({ file }) => discardFile(file)).catch(() => undefined);
    if (raw.complete === false) linger(raw);
    throw refusalOf(error);
  } finally {
    clock.stop();
  }
}

function requireForm(request: FastifyRequest): void {
  if (!request.isMultipart()) throw new Refusal('media_type_unsupported', 'Send a form, multipart/form-data.');
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  if (encoding !== 'identity') throw new Refusal('media_type_unsupported', 'A form comes without Content-Encoding.');
}

async function readParts<F>(request: FastifyRequest, shape: FormShape<F>, where: Where): Promise<ReceivedForm<F>> {
  const fields: Record<string, unknown> = {};
  let file: ReceivedFile | undefined;
  try {
    // One byte more than may come, so that a file of just as many can be told from one that is too large.
    for await (const part of request.parts({ limits: { ...limits, fileSize: where.bytesMax + 1 } })) {
      if (part.type === 'field') addField(fields, part, shape.file);
      else if (part.fieldname !== shape.file) throw unknownPart(part.fieldname);
      else file = await receiveFile(part.file, { ...where, part: shape.file, fileName: part.filename });
    }
    if (file === undefined) throw refusals.invalidBody(`/${shape.file}`, 'required', 'is required: a file');
    return { file, fields: parseFields(shape.fields, fields) };
  } catch (error) {
    if (file) await discardFile(file);
    throw error;
  }
}

function addField(
  fields: Record<string, unknown>,
  part: Extract<Multipart, { type: 'field' }>,
  fileName: string,
): void {
  const { fieldname: name, value } = part;
  if (part.fieldnameTruncated) throw unknownPart(name);
  const pointer = `/${name}`;
  if (name === fileName) throw refusals.invalidBody(pointer, 'invalid_type', 'must be a file, with a file name');
  if (Object.hasOwn(fields, name)) throw refusals.invalidBody(pointer, 'conflict', 'is given twice');
  if (part.valueTruncated) throw refusals.invalidBody(pointer, 'too_long', `has more than ${limits.fieldSize} bytes`);
  const wrong = findUnstorable(value);
  if (wrong) throw refusals.invalidBody(`${pointer}${wrong.pointer}`, wrong.code, wrong.message);
  fields[name] = value;
}

function unknownPart(name: string) {
  return refusals.invalidBody(`/${name.slice(0, 100)}`, 'unknown', 'there is no such part here');
}

function parseFields<F>(schema: z.ZodType<F>, fields: Record<string, unknown>): F {
  const parsed = schema.safeParse(fields);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.flatMap((issue): FieldError[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({
        in: 'body',
        pointer: `/${key}`,
        code: 'unknown',
        message: 'there is no such part here',
      }));
    }
    const pointer = `/${issue.path.join('/')}`;
    if (fields[String(issue.path[0])] === undefined)
      return [{ in: 'body', pointer, code: 'required', message: 'is required' }];
    const message = issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
    return [{ in: 'body', pointer, code: issue.code === 'too_big' ? 'too_long' : 'invalid', message }];
  });
  throw refusals.invalid(errors);
}

/** What the reader of forms throws, by its codes; what else it says is about how a form is written. */
function refusalOf(error: unknown): unknown {
  if (error instanceof Refusal || !(error instanceof Error)) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) return refusals.fileStorageUnavailable(error);
  if (code === undefined)
    return /multipart|boundary|part terminated|the needle/i.test(error.message) ? malformed(error.message) : error;
  if (/^FST_(PARTS|FILES|FIELDS)_LIMIT$/.test(code))
    return refusals.bodyTooLarge('A form has one file and few fields.');
  return /^FST_/.test(code) ? malformed(error.message) : error;
}

function malformed(message: string): Refusal {
  return refusals.invalidBody('', 'malformed_form', message);
}

/** Rejects where nothing comes for too long, or too little in too long; while what has come waits for us, the delay is ours. */
function watch(raw: IncomingMessage) {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const startedAt = performance.now();
  let lastAt = startedAt;
  let lastBytes = -1;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const bytes = raw.socket?.bytesRead ?? 0;
    if (bytes !== lastBytes || raw.readableLength > 0 || raw.complete) lastAt = nowMs;
    lastBytes = bytes;
    if (nowMs - lastAt > idleMsMax || nowMs - startedAt > uploadMsMax) reject(refusals.requestTimeout());
  }, 1_000).unref();
  late.catch(() => undefined);
  return { late, stop: () => clearInterval(timer) };
}
