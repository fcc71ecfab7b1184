import { z } from 'zod';

/** What is joined of a file to whatever has it. */
export const fileColumns = ['file.media_type', 'file.bytes', 'file.sha256'] as const;

/** A file as it is shown in what has it. */
export function shownFile(row: { media_type: string; bytes: string | number; sha256: Buffer }) {
  return { media_type: row.media_type, bytes: Number(row.bytes), sha256: row.sha256.toString('hex') };
}

const bytes = { content: { '*/*': { schema: z.string().meta({ format: 'binary' }) } } };

/** How the document shows what sends a file. */
export const sentFile = {
  200: { description: 'The bytes of the file.', ...bytes },
  206: { description: 'The part that Range asks for.', ...bytes },
};

/** What of a request decides how a file is sent. */
export const FileHeaders = z.object({
  range: z.string().optional().describe('One range of bytes: bytes=0-499.'),
  'if-range': z.string().optional().describe('The ETag that the file must still have, or all of it is sent.'),
});
