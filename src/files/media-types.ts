/**
 * What files may be, told by their content: what a client or a name says of a file decides nothing but the kind of a plain text.
 * Everything that a browser or a system would run is left out: pages, drawings with scripts in them, programs, documents with macros.
 */
import { createReadStream } from 'node:fs';
import { fileTypeFromFile } from 'file-type';

/** Each type with the endings of its names, the usual one first. */
export const mediaTypes: Readonly<Record<string, readonly string[]>> = {
  'image/jpeg': ['jpg', 'jpeg', 'jpe', 'jfif'],
  'image/png': ['png'],
  'image/webp': ['webp'],
  'image/gif': ['gif'],
  'image/avif': ['avif'],
  'image/heic': ['heic', 'heif'],
  'image/heif': ['heif', 'heic'],
  'image/tiff': ['tif', 'tiff'],
  'image/bmp': ['bmp'],
  'image/vnd.dwg': ['dwg'],
  'application/pdf': ['pdf'],
  'application/rtf': ['rtf'],
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': ['docx'],
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': ['xlsx'],
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': ['pptx'],
  'application/vnd.oasis.opendocument.text': ['odt'],
  'application/vnd.oasis.opendocument.spreadsheet': ['ods'],
  'application/vnd.oasis.opendocument.presentation': ['odp'],
  'application/x-cfb': ['doc', 'xls', 'ppt', 'msg', 'vsd'],
  'application/vnd.visio': ['vsdx'],
  'application/zip': ['zip'],
  'application/gzip': ['gz', 'tgz'],
  'application/x-7z-compressed': ['7z'],
  'application/json': ['json', 'geojson'],
  'application/xml': ['xml', 'gbxml', 'ifcxml'],
  'text/plain': ['txt', 'log', 'md', 'yaml', 'yml', 'ini', 'ttl', 'ifc', 'dxf', 'eml', 'tsv'],
  'text/csv': ['csv'],
  'text/calendar': ['ics'],
  'text/vcard': ['vcf'],
  'audio/mpeg': ['mp3'],
  'audio/mp4': ['m4a', 'mp4'],
  'audio/x-m4a': ['m4a'],
  'audio/wav': ['wav'],
  'audio/ogg': ['ogg', 'oga', 'opus'],
  'audio/aac': ['aac'],
  'audio/amr': ['amr'],
  'video/mp4': ['mp4', 'm4v'],
  'video/quicktime': ['mov'],
  'video/webm': ['webm'],
  'video/3gpp': ['3gp'],
};

/** What is known of a file from reading its bytes once. */
export type Seen = {
  readonly path: string;
  readonly fileName: string | undefined;
  /** Whether all of it is UTF-8 without NUL. */
  readonly isText: boolean;
  /** Its first bytes. */
  readonly head: Buffer;
};

/** The type of a file; undefined for one that is of no type that is taken. */
export async function mediaTypeOf(seen: Seen): Promise<string | undefined> {
  // What its readers of formats stumble over is none of them.
  const found = await fileTypeFromFile(seen.path).catch(() => undefined);
  const type = found?.mime.split(';', 1)[0];
  // A browser runs what is in an XML wherever it stands; a text is shown by one whatever is in it.
  if (type === 'application/xml' && (await holdsPage(seen.path))) return undefined;
  if (type === undefined || type === 'application/xml' || type.startsWith('text/')) return textTypeOf(seen, type);
  return Object.hasOwn(mediaTypes, type) ? type : undefined;
}

const kindsOfText = ['text/csv', 'application/json'];

function textTypeOf({ isText, head, fileName }: Seen, type = 'text/plain'): string | undefined {
  if (!isText || isMarkup(head.toString('utf8'))) return undefined;
  if (type !== 'text/plain') return Object.hasOwn(mediaTypes, type) ? type : undefined;
  const ending = /\.(\w+)$/.exec(fileName ?? '')?.[1]?.toLowerCase() ?? '';
  return kindsOfText.find((kind) => mediaTypes[kind]?.includes(ending)) ?? type;
}

/** The elements by which a browser takes a text for a page, and that of a drawing, in which there may be scripts as well. */
const pageBegins =
  /^<(?:!doctype\s+(?:html|svg)|(?:[a-z][\w-]*:)?(?:html|svg|head|body|script|iframe|style|title|table|div|font|h1|br|b|p|a)[\s/>])/i;
const pageHolds =
  /<\?xml-stylesheet\s|<!doctype\s+(?:html|svg)|<(?:[a-z][\w-]*:)?(?:html|svg|script)[\s/>]|xmlns(?::\w+)?\s*=\s*["']http:\/\/www\.w3\.org\/(?:1999\/xhtml|2000\/svg)/i;

/** Whether a text is a page or a drawing: by how it begins, or, of XML and of what begins with a comment, by what is in its first bytes. */
function isMarkup(head: string): boolean {
  const text = head.replace(/^\uFEFF/, '').trimStart();
  if (pageBegins.test(text)) return true;
  return /^<[?!]/.test(text) && pageHolds.test(text);
}

/** More than what is looked for has, so that it is found where it lies across two pieces. */
const overlap = 300;

async function holdsPage(path: string): Promise<boolean> {
  let before = '';
  for await (const piece of createReadStream(path, 'latin1') as AsyncIterable<string>) {
    const text = before + piece;
    if (pageHolds.test(text)) return true;
    before = text.slice(-overlap);
  }
  return false;
}
