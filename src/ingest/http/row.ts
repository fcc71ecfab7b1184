import { isTopicName } from '../../assets/discovery.ts';
import { shorten } from '../decode/sample.ts';
import { malformed, type Reason } from '../quarantine/quarantine.ts';

/** Why a row was not stored: what a message may be refused for, or that the key is limited to other sites. */
export type RowRejection = { readonly reason: Reason | 'site_forbidden'; readonly detail: string };

/** The point that a row means: by its names, by its id, by its own URI, or by its asset's URI and its name. */
export type RowTarget =
  | { readonly by: 'name'; readonly site: string; readonly asset: string; readonly point: string }
  | { readonly by: 'id'; readonly id: string }
  | { readonly by: 'uri'; readonly uri: string; readonly point: string | null };

/** A row as it was sent; value, time and quality are read once its point, and with it the zone, is known. */
export type Row = {
  readonly target: RowTarget;
  readonly value: unknown;
  readonly time: unknown;
  readonly quality: unknown;
};

/** What the path says of every row: its site, or its very point. */
export type RowDefaults = { readonly site: string | null; readonly pointId: string | null };

/** Reads what a row names. A property that nobody knows refuses the row: a `timestam` would else be read as no time at all. */
export function readRow(given: unknown, defaults: RowDefaults): Row | RowRejection {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return malformed(`a row is ${rowForm}`);
  const row = given as Record<string, unknown>;
  for (const name in row) if (!known.has(name)) return malformed(`there is no ${shorten(name)} in a row: ${rowForm}`);
  const times = timeNames.filter((name) => row[name] !== undefined);
  if (times.length > 1) return malformed(`${times.join(' and ')} are the same; give one of them`);
  if (row.value === undefined) return malformed('a row needs a value; null stands for one that was not a number');
  const target = targetOf(row, defaults);
  if ('reason' in target) return target;
  return { target, value: row.value, time: row[times[0] ?? 'time'], quality: row.quality };
}

const rowForm =
  '{"site", "asset", "point", "time", "value", "quality"}, with "point_id" or "uri" instead of site, asset and point if you like';
const timeNames = ['time', 'ts', 'timestamp'] as const;
const known: ReadonlySet<string> = new Set([
  ...['site', 'asset', 'point', 'point_id', 'uri', 'value', 'quality'],
  ...timeNames,
]);
const uriLengthMax = 2_048;
const idPattern = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

function targetOf(row: Record<string, unknown>, defaults: RowDefaults): RowTarget | RowRejection {
  const { site, asset, point, point_id: id, uri } = row;
  const names = [site, asset, point, uri].filter((name) => name !== undefined);
  if (defaults.pointId !== null) {
    if (names.length > 0 || (id !== undefined && !sameId(id, defaults.pointId)))
      return malformed('the path names the point; a row has time, value and quality');
    return { by: 'id', id: defaults.pointId.toLowerCase() };
  }
  if (id !== undefined) {
    if (typeof id !== 'string' || !idPattern.test(id)) return malformed('point_id must be the id of a point, a UUID');
    if (names.length > 0) return malformed('point_id names the point by itself; give it without other names');
    return { by: 'id', id: id.toLowerCase() };
  }
  if (uri !== undefined) return targetOfUri(row);
  return targetOfNames(row, defaults.site);
}

function sameId(given: unknown, id: string): boolean {
  return typeof given === 'string' && given.toLowerCase() === id.toLowerCase();
}

function targetOfUri({ uri, point, site, asset }: Record<string, unknown>): RowTarget | RowRejection {
  if (typeof uri !== 'string' || uri.length > uriLengthMax || uri.includes('\0') || !uri.isWellFormed())
    return malformed(`uri must be a text of at most ${uriLengthMax} characters`);
  if (site !== undefined || asset !== undefined)
    return malformed('uri names the asset or the point; give it without site and asset');
  if (point !== undefined && (typeof point !== 'string' || !isTopicName(point))) return malformed(`point ${badName}`);
  return { by: 'uri', uri, point: point ?? null };
}

function targetOfNames(row: Record<string, unknown>, siteOfPath: string | null): RowTarget | RowRejection {
  if (siteOfPath !== null && row.site !== undefined && row.site !== siteOfPath)
    return malformed(`the path names the site ${siteOfPath}; leave site out, or give the same`);
  const names = { site: row.site ?? siteOfPath ?? undefined, asset: row.asset, point: row.point };
  for (const [what, name] of Object.entries(names)) {
    if (name === undefined) return malformed(`${what} is missing: a row is ${rowForm}`);
    if (typeof name !== 'string' || !isTopicName(name)) return malformed(`${what} ${badName}`);
  }
  return { by: 'name', ...(names as { site: string; asset: string; point: string }) };
}

const badName = 'must be a text of 1 to 128 characters, none of them a control character';
