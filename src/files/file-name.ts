/** What files are called. A name is shown and offered for saving; no path is ever made of it. */

const nameBytesMax = 200;
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;
/** Control characters, and those that turn the direction of what follows, so that `gpj.exe` reads `exe.jpg`. */
const unseen = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu;

/** A name under which every system can save a file: its last step alone, without what systems or readers take for something else. */
export function safeNameOf(given: string | undefined, fallback = 'file'): string {
  const last = (given ?? '').normalize('NFC').split(/[/\\]/).at(-1) ?? '';
  const plain = last
    .replace(unseen, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/\s+/g, ' ')
    .replace(/^[ .]+|[ .]+$/g, '');
  const cut = shortened(plain);
  if (cut === '') return fallback;
  return reserved.test(cut) ? `_${cut}` : cut;
}

/** So many bytes at most, without the middle of a character at the end, and with its ending. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= nameBytesMax) return name;
  const ending = /\.[\w-]{1,12}$/.exec(name)?.[0] ?? '';
  const stem = Buffer.from(name.slice(0, name.length - ending.length)).subarray(0, nameBytesMax - ending.length);
  // Half a character at the end reads as one that stands for none.
  return `${stem
    .toString('utf8')
    .replace(/\uFFFD+$/, '')
    .trimEnd()}${ending}`;
}

/** `name` with the ending of its type, where it has none that fits: what is saved can be opened. */
export function withEnding(name: string, endings: readonly string[]): string {
  const [usual] = endings;
  const own = /\.([\w-]{1,12})$/.exec(name)?.[1]?.toLowerCase();
  return usual === undefined || (own !== undefined && endings.includes(own)) ? name : `${name}.${usual}`;
}

/** Content-Disposition (RFC 6266) with the name in ASCII for old clients and whole for all others (RFC 8187). */
export function dispositionOf(kind: 'attachment' | 'inline', name: string): string {
  const ascii = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^\x20-\x7e]/g, '_')
    .replace(/["\\%]/g, '_');
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}
