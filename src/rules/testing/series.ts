/**
 * Series of readings as rule tests write them, one value per interval:
 *
 *   16        one value          16*10     ten times the same        13..17/5    five values from 13 to 17
 *   _*4       no reading         bad*2     readings of bad quality    true*3      a truth
 *   (1*2 0*3)*4                  all of it four times; groups do not nest
 */
export type SeriesValue = { value: number; quality: 0 | 2 } | null;

/** The values of a series; throws a plain sentence for what is none of the above. */
export function parseSeries(text: string | number | boolean): SeriesValue[] {
  return expandGroups(String(text))
    .split(/\s+/)
    .filter(Boolean)
    .flatMap((token) => parseToken(token));
}

function expandGroups(text: string): string {
  return text.replace(/\(([^()]*)\)\*(\d{1,4})(?=\s|$)/g, (_, group: string, count: string) =>
    `${group} `.repeat(Number(count)),
  );
}

function parseToken(token: string): SeriesValue[] {
  const ramp = /^(-?[\d.]+)\.\.(-?[\d.]+)\/(\d+)$/.exec(token);
  if (ramp) return parseRamp(Number(ramp[1]), Number(ramp[2]), Number(ramp[3]));
  const [word, count = '1', ...rest] = token.split('*') as [string, string?, ...string[]];
  if (!/^\d+$/.test(count) || rest.length > 0)
    throw new Error(`'${token}' is no series: write v, v*n, a..b/n, _*n or bad*n`);
  return Array.from({ length: Number(count) }, () => parseValue(word, token));
}

function parseRamp(from: number, to: number, count: number): SeriesValue[] {
  return Array.from({ length: count }, (_, index) => ({
    value: count === 1 ? from : from + ((to - from) * index) / (count - 1),
    quality: 0,
  }));
}

function parseValue(word: string, token: string): SeriesValue {
  if (word === '_') return null;
  if (word === 'bad') return { value: 0, quality: 2 };
  if (word === 'true' || word === 'false') return { value: word === 'true' ? 1 : 0, quality: 0 };
  const value = Number(word);
  if (word === '' || !Number.isFinite(value))
    throw new Error(`'${token}' is no series: write v, v*n, a..b/n, _*n or bad*n`);
  return { value, quality: 0 };
}
