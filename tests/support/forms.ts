/** Forms with files in them, and the files: small, made here, and each what it says it is. */
import { randomBytes } from 'node:crypto';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';

export type FormFile = { readonly bytes: Buffer | string; readonly name?: string; readonly type?: string };
type Part = readonly [name: string, value: string | FormFile];

/** A form of parts in their order: texts, and files. */
export function makeForm(parts: readonly Part[]): { payload: Buffer; headers: Record<string, string> } {
  const boundary = `form-${randomBytes(9).toString('hex')}`;
  const pieces = parts.flatMap(([name, value]) => {
    const isFile = typeof value !== 'string';
    const fileName = isFile ? `; filename="${value.name ?? 'a file'}"` : '';
    const type = isFile ? `\r\ncontent-type: ${value.type ?? 'application/octet-stream'}` : '';
    const head = `--${boundary}\r\ncontent-disposition: form-data; name="${name}"${fileName}${type}\r\n\r\n`;
    return [Buffer.from(head), Buffer.from(isFile ? value.bytes : value), Buffer.from('\r\n')];
  });
  return {
    payload: Buffer.concat([...pieces, Buffer.from(`--${boundary}--\r\n`)]),
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
  };
}

/** A picture of one colour. */
export function makePicture(
  format: 'png' | 'jpeg' | 'webp' | 'gif' | 'avif' | 'tiff' = 'png',
  { width = 64, height = 48 } = {},
): Promise<Buffer> {
  const background = { r: 200, g: 40, b: 40 };
  return sharp({ create: { width, height, channels: 3, background } })
    .toFormat(format)
    .toBuffer();
}

export const pdf = Buffer.from('%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n');

/** A PNG of a few bytes whose header says how large it would be. */
export function makeBomb(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(data.length);
    const sum = Buffer.alloc(4);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // One bit a pixel, grey.
  header.set([1, 0, 0, 0, 0], 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const pixels = deflateSync(Buffer.alloc(100_000));
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}
