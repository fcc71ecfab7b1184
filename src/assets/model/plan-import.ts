/** Which rows the things of a model become: those that are there, found again, and those that are new, with names of their own. */
import { createHash } from 'node:crypto';
import { newId } from '../../platform/id.ts';
import { madeUpUri, ownUri } from '../asset-uri.ts';
import type { FindingList, ImportLocation, ImportModel, ImportPoint } from './building-model.ts';
import type { AssetRow, KnownAsset, KnownPoint, LocationRow, PointRow } from './model-store.ts';

/** All rows, those of them that are new, and what an earlier import made that the model no longer has. `ids` is by the model's own ids. */
export type Planned<Row, Known> = {
  readonly rows: readonly Row[];
  readonly fresh: readonly Row[];
  readonly ids: ReadonlyMap<string, string>;
  readonly adopted: number;
  readonly vanished: readonly Known[];
};

/** A text that PostgreSQL and topics can hold: no control characters, whole code points, at most `max` characters. */
export function cleanText(text: string, max: number): string {
  const cleaned = text
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
  return cleaned.length <= max ? cleaned : cleaned.slice(0, max).toWellFormed().trim();
}

type KnownLocation = { readonly id: string; readonly name: string; readonly externalId: string | null };

export function planLocations(
  locations: readonly ImportLocation[],
  known: readonly KnownLocation[],
): Planned<LocationRow, KnownLocation> {
  const found = new Map(known.map((row) => [row.externalId, row.id]));
  const ids = new Map(locations.map(({ externalId }) => [externalId, found.get(keyOf(externalId)) ?? newId()]));
  const rows = locations.map(({ externalId, parent, name, class: brickClass }) => ({
    id: ids.get(externalId) as string,
    parent_id: (parent !== null && ids.get(parent)) || null,
    name: cleanText(name, 200) || 'place',
    class: brickClass,
    external_id: keyOf(externalId),
  }));
  return { rows, ids, adopted: 0, ...sortOut(rows, known) };
}

type AssetContext = {
  readonly known: readonly KnownAsset[];
  readonly source: string;
  readonly locations: ReadonlyMap<string, string>;
  readonly slug: string;
  /** Uris that assets of the tenant have already. */
  readonly taken: ReadonlySet<string>;
  readonly findings: FindingList;
};

export function planAssets(
  model: ImportModel,
  { known, source, locations, slug, taken, findings }: AssetContext,
): Planned<AssetRow, KnownAsset> {
  const own = new Map(known.filter((row) => row.source === source).map((row) => [row.externalId, row]));
  const free = byNames(
    known.filter((row) => row.source === null),
    ({ name, otherNames }) => [name, ...otherNames],
  );
  const names = new Set(known.flatMap(({ name, otherNames }) => [name, ...otherNames]));
  const matches = new Map<string, KnownAsset | undefined>();
  for (const { externalId } of model.assets) matches.set(externalId, own.get(keyOf(externalId)));
  let adopted = 0;
  for (const { externalId, name, otherNames } of model.assets) {
    const isNew = matches.get(externalId) === undefined;
    const named = isNew ? free.take([name, ...otherNames].map(topicName)) : undefined;
    if (named === undefined) continue;
    matches.set(externalId, named);
    adopted++;
  }
  const ids = new Map(model.assets.map(({ externalId }) => [externalId, matches.get(externalId)?.id ?? newId()]));
  const rows = model.assets.map((asset): AssetRow => {
    const match = matches.get(asset.externalId);
    const name =
      match?.name ??
      uniqueName(topicName(asset.name) || 'asset', names, (given) =>
        findings.add('name_twice', 'a name that another has; a number was added', given),
      );
    const location = asset.location !== null ? locations.get(asset.location) : undefined;
    const id = ids.get(asset.externalId) as string;
    return {
      id,
      name,
      uri: uriOf(model.format, { id, externalId: asset.externalId, slug, name, taken }),
      class: asset.class,
      parent_id: (asset.parent !== null && ids.get(asset.parent)) || null,
      location_id: location ?? null,
      location_uri: asset.location !== null && isUri(asset.location) ? asset.location : '',
      tags: [
        ...new Set([
          ...(match?.tags ?? []),
          ...asset.tags.map((tag) => cleanText(tag, 64)).filter((tag) => tag !== ''),
        ]),
      ],
      external_id: keyOf(asset.externalId),
    };
  });
  const { vanished } = sortOut(rows, [...own.values()]);
  return { rows, ids, adopted, fresh: sortOut(rows, known).fresh, vanished };
}

type PointContext = {
  readonly known: readonly KnownPoint[];
  readonly source: string;
  readonly assets: ReadonlyMap<string, string>;
  readonly findUnit: (name: string) => string | undefined;
  readonly findings: FindingList;
};

export function planPoints(
  points: readonly ImportPoint[],
  { known, source, assets, findUnit, findings }: PointContext,
): Planned<PointRow, KnownPoint> {
  const own = new Map(known.filter((row) => row.source === source).map((row) => [row.externalId, row]));
  const free = new Map(
    [
      ...Map.groupBy(
        known.filter((row) => row.externalId === null),
        ({ assetId }) => assetId,
      ),
    ].map(([id, rows]) => [id, byNames(rows)]),
  );
  const names = new Map(
    [...Map.groupBy(known, ({ assetId }) => assetId)].map(([id, rows]) => [id, new Set(rows.map(({ name }) => name))]),
  );
  const ids = new Map<string, string>();
  const fresh: PointRow[] = [];
  let adopted = 0;
  const rows = points.map((point): PointRow => {
    const assetId = assets.get(point.asset) as string;
    const taken = names.get(assetId) ?? new Set();
    names.set(assetId, taken);
    const found = own.get(keyOf(point.externalId));
    const named =
      found === undefined ? free.get(assetId)?.take([point.name, ...point.otherNames].map(topicName)) : undefined;
    if (named !== undefined) adopted++;
    const match = found ?? named;
    const stays = match !== undefined && match.assetId === assetId;
    const onTwice = (given: string) => findings.add('name_twice', 'a name that another has; a number was added', given);
    const row: PointRow = {
      id: match?.id ?? newId(),
      asset_id: assetId,
      name: stays ? match.name : uniqueName(match?.name ?? (topicName(point.name) || 'point'), taken, onTwice),
      class: point.class,
      part_of: point.partOf,
      unit: point.unit === null ? null : unitOf(point, findUnit, findings),
      states: point.states,
      external_id: keyOf(point.externalId),
    };
    ids.set(point.externalId, row.id);
    if (match === undefined) fresh.push(row);
    return row;
  });
  return { rows, ids, adopted, vanished: sortOut(rows, [...own.values()]).vanished, fresh };
}

function unitOf({ name, unit }: ImportPoint, findUnit: PointContext['findUnit'], findings: FindingList): string {
  const given = cleanText(unit as string, 32);
  const found = findUnit(given);
  if (found === undefined) findings.add('unit_unknown', 'a unit that rules cannot convert', `${name}: ${given}`);
  return found ?? given;
}

function sortOut<Row extends { id: string }, Known extends { id: string }>(
  rows: readonly Row[],
  known: readonly Known[],
): { fresh: Row[]; vanished: Known[] } {
  const there = new Set(known.map(({ id }) => id));
  const wanted = new Set(rows.map(({ id }) => id));
  return { fresh: rows.filter(({ id }) => !there.has(id)), vanished: known.filter(({ id }) => !wanted.has(id)) };
}

/** Rows by their names, each to be taken once; upper and lower case are the same where only one row is meant. */
function byNames<Row extends { name: string }>(
  rows: readonly Row[],
  namesOf: (row: Row) => readonly string[] = ({ name }) => [name],
): { take(names: readonly string[]): Row | undefined } {
  const named = rows.flatMap((row) => namesOf(row).map((name) => ({ name, row })));
  const exactly = new Map(named.map(({ name, row }) => [name, row]));
  const loosely = Map.groupBy(named, ({ name }) => name.toLowerCase());
  const gone = new Set<Row>();
  return {
    take(names) {
      const loose = names
        .map((name) => new Set(loosely.get(name.toLowerCase())?.map(({ row }) => row)))
        .filter(({ size }) => size === 1)
        .map((same) => [...same][0]);
      const found = [...names.map((name) => exactly.get(name)), ...loose].find(
        (row) => row !== undefined && !gone.has(row),
      );
      if (found !== undefined) gone.add(found);
      return found;
    },
  };
}

/** A name that may be a segment of a topic: MQTT keeps `/`, `+` and `#` for itself. */
function topicName(name: string): string {
  return cleanText(name.replace(/[/+#]+/g, '-'), 120);
}

function uniqueName(name: string, taken: Set<string>, onTwice: (name: string) => void): string {
  let unique = name;
  for (let count = 2; taken.has(unique); count++) unique = `${name}-${count}`;
  if (unique !== name) onTwice(name);
  taken.add(unique);
  return unique;
}

type Naming = {
  readonly id: string;
  readonly externalId: string;
  readonly slug: string;
  readonly name: string;
  readonly taken: ReadonlySet<string>;
};

/** The model's own IRI, unless it is none or another site of the tenant has the same model; what others have is told from theirs. */
function uriOf(format: ImportModel['format'], { id, externalId, slug, name, taken }: Naming): string {
  if (format === 'brick' && isUri(externalId) && !taken.has(externalId)) return externalId;
  const uri = madeUpUri({ site: slug, name });
  return taken.has(uri) ? ownUri(uri, id) : uri;
}

function isUri(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:[^\s"<>\\^`{|}]+$/i.test(text) && text.length <= 1_000 && cleanText(text, 1_000) === text;
}

/** A model's own id as it is stored: whole where it is short, else its beginning and a hash, since an index holds no long texts. */
function keyOf(externalId: string): string {
  const clean = cleanText(externalId, Number.POSITIVE_INFINITY);
  if (clean.length <= 400) return clean;
  return `${clean.slice(0, 300).toWellFormed()}...${createHash('sha256').update(externalId).digest('hex')}`;
}
