import pg from 'pg';

const ofDriver = pg.types.getTypeParser(pg.types.builtins.TIMESTAMPTZ);
const [zero, colon, plus, minus] = [0x30, 0x3a, 0x2b, 0x2d];

/**
 * The Date in a `timestamptz` as PostgreSQL writes it in its ISO style, `2026-03-17 17:00:00.25+01`: microseconds are cut off. Whatever
 * has another form, such as `infinity` or a year of five digits, the driver reads, which takes seven times as long.
 */
export function parseTimestamp(text: string): Date {
  const end = text.length - 3;
  const sign = text.charCodeAt(end);
  const isPlain = end >= 19 && end <= 26 && text.charCodeAt(10) === 0x20 && text.charCodeAt(16) === colon;
  if (!isPlain || (sign !== plus && sign !== minus)) return ofDriver(text) as unknown as Date;
  const pair = (at: number) => (text.charCodeAt(at) - zero) * 10 + text.charCodeAt(at + 1) - zero;
  const digit = (at: number) => (at < end ? text.charCodeAt(at) - zero : 0);
  const ms = digit(20) * 100 + digit(21) * 10 + digit(22);
  const hour = sign === plus ? pair(11) - pair(end + 1) : pair(11) + pair(end + 1);
  const year = pair(0) * 100 + pair(2);
  // Date.UTC takes the years 0 to 99 for those of the twentieth century.
  if (year < 100) return ofDriver(text) as unknown as Date;
  return new Date(Date.UTC(year, pair(5) - 1, pair(8), hour, pair(14), pair(17), ms));
}
