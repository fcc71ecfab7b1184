/** Values that come without JSON around them: 21.5, true, NaN, ON. */

/** A double has 17 digits that count; what is longer is text, or a number that JSON reads too. */
const lengthMax = 64;
/** No two parts can match the same digits, so that a text that is no number is refused after one look at each character. */
const numberPattern = /^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?$/;

/** Fifteen digits fit into the integers of a double, and the powers of ten up to 22 are exact: so is their quotient rounded. */
const digitsMax = 15;
const powersOfTen = Array.from({ length: digitsMax + 1 }, (_, exponent) => 10 ** exponent);

/** The number that is the whole payload, in ASCII and without spaces; undefined when it is anything else. */
export function bareNumber(payload: Buffer): number | undefined {
  const { length } = payload;
  if (length === 0 || length > lengthMax) return undefined;
  const first = payload[0];
  const isSigned = first === 0x2d || first === 0x2b;
  let whole = 0;
  let point = -1;
  let i = isSigned ? 1 : 0;
  // Digits and one point are read here, which takes a tenth of the time; whatever else there is, by the pattern.
  if (length - i > digitsMax) return slowNumber(payload);
  for (; i < length; i++) {
    const byte = payload[i] as number;
    if (byte >= 0x30 && byte <= 0x39) whole = whole * 10 + (byte - 0x30);
    else if (byte === 0x2e && point < 0) point = i;
    else return slowNumber(payload);
  }
  const digits = length - (isSigned ? 1 : 0) - (point < 0 ? 0 : 1);
  if (digits === 0) return undefined;
  const value = point < 0 ? whole : whole / (powersOfTen[length - point - 1] as number);
  return first === 0x2d ? -value : value;
}

function isNumberByte(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e;
}

function slowNumber(payload: Buffer): number | undefined {
  return isNumberByte(payload[0] as number) ? numberIn(payload.toString('latin1')) : undefined;
}

/** The number that a text writes in decimal digits, with a point and an exponent if it has them; undefined when it is none. */
export function numberIn(text: string): number | undefined {
  return text.length <= lengthMax && numberPattern.test(text) ? Number(text) : undefined;
}

/** A text without JSON as the value that it writes: a number, a boolean, null, NaN, or the text itself. */
export function bareValue(text: string): number | boolean | string | null {
  if (text.length > lengthMax) return longNumber(text) ?? text;
  if (text === 'null') return null;
  return numberIn(text) ?? wordIn(text) ?? text;
}

/** What a word stands for in Python's, JavaScript's or C's notation: a boolean, or a number that is none; else undefined. */
export function wordIn(text: string): number | boolean | undefined {
  if (text.length > 9) return undefined;
  const word = text.toLowerCase();
  if (word === 'true' || word === 'false') return word === 'true';
  return /^[+-]?(nan|inf|infinity)$/.test(word) ? Number.NaN : undefined;
}

/** A number of more digits than any double has, all of them digits. */
function longNumber(text: string): number | undefined {
  return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
}
