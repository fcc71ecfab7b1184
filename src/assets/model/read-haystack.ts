/** A Project Haystack model in JSON as facts: records with their tags and references, mapped to Brick's classes. */
import {
  type ClassFinding,
  createFindings,
  type FindingList,
  type ModelEntity,
  type ModelFacts,
  type ModelLink,
} from './building-model.ts';
import { readGrid, type TagRow } from './haystack-grid.ts';
import { findEquipmentClass, findPointMeaning, findSpaceClass } from './haystack-tags.ts';

/** The facts of a Haystack grid. Throws ModelError for what is no grid. */
export function readHaystack(text: string): ModelFacts {
  const findings = createFindings();
  const entities = new Map<string, ModelEntity>();
  const links: ModelLink[] = [];
  const classes = new Map<string, ClassFinding & { count: number }>();
  const rows = readGrid(text).flatMap((row) => (idOf(row) === undefined ? [] : [row]));
  for (const row of rows) {
    const entity = readEntity(row, findings);
    if (entity === undefined) continue;
    if (entities.has(entity.id)) findings.add('id_twice', 'an id that two records have; the first counts', entity.id);
    else {
      entities.set(entity.id, entity);
      countClass(classes, entity);
      links.push(...listLinks(row, entity));
    }
  }
  return { format: 'haystack', entities, links, classes: [...classes.values()], findings: findings.list() };
}

function idOf(row: TagRow): string | undefined {
  const id = row.get('id');
  return id?.kind === 'ref' && id.id !== '' ? id.id : undefined;
}

function readEntity(row: TagRow, findings: FindingList): ModelEntity | undefined {
  const id = idOf(row) as string;
  const markers = new Set([...row].filter(([, tag]) => tag.kind === 'marker').map(([name]) => name));
  const common = {
    id,
    names: namesOf(row),
    tags: [...markers].sort().slice(0, 50),
    part: null,
    unit: null,
    states: null,
  };
  const zone = { timeZone: timeZoneOf(textOf(row, 'tz')) };
  if (markers.has('site')) return { ...common, ...zone, kind: 'site', class: 'brick:Site', types: ['site'] };
  if (markers.has('point')) return { ...common, ...readPoint(row, markers), kind: 'point', timeZone: null };
  if (markers.has('equip')) {
    const found = findEquipmentClass(markers) ?? null;
    return { ...common, kind: 'equipment', class: found, types: [wordsOf(markers)], timeZone: null };
  }
  if (['space', 'floor', 'room', 'zone'].some((tag) => markers.has(tag)) && !row.has('equipRef')) {
    return { ...common, kind: 'location', class: findSpaceClass(markers), types: [wordsOf(markers)], timeZone: null };
  }
  if (markers.has('weatherStation'))
    return { ...common, kind: 'equipment', class: 'brick:Weather_Station', types: ['weatherStation'], timeZone: null };
  findings.add(
    'not_understood',
    'a record that is neither a site, a space, equipment nor a point',
    `${common.names[0] ?? id}: ${wordsOf(markers)}`,
  );
  return undefined;
}

function readPoint(
  row: TagRow,
  markers: ReadonlySet<string>,
): Pick<ModelEntity, 'class' | 'part' | 'unit' | 'states' | 'types'> {
  const kind = textOf(row, 'kind') ?? 'Number';
  const phase = textOf(row, 'phase');
  const tags = phase === undefined ? markers : new Set([...markers, `phase${phase}`]);
  const meaning = findPointMeaning(tags, kind === 'Bool');
  const unit = textOf(row, 'unit') ?? null;
  return {
    class: meaning?.class ?? null,
    part: meaning?.part ?? null,
    unit: kind === 'Bool' ? 'bool' : unit,
    states: kind === 'Str' ? null : statesOf(row, kind),
    types: [wordsOf(markers)],
  };
}

/** The texts of an enumeration and their numbers: `off,on` is 0 and 1, and Hayson may name them one by one. */
function statesOf(row: TagRow, kind: string): Record<string, number> | null {
  const names =
    textOf(row, 'enum')
      ?.split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '') ?? [];
  if (names.length < 2 || names.length > 100 || (kind === 'Bool' && names.length !== 2)) return null;
  return Object.fromEntries(names.map((name, index) => [name, index]));
}

/** The tags that say what a thing is, for the report; those of histories and current values say nothing of it. */
function wordsOf(markers: ReadonlySet<string>): string {
  const telling = [...markers]
    .filter(
      (tag) =>
        !/^(point|equip|his|cur|writable|summary|hisCollect.*|site[MP].*|connTuning.*|bacnet.*|sitePoint)$/.test(tag),
    )
    .sort()
    .join(' ');
  return telling || '(no tag that says what it is)';
}

function namesOf(row: TagRow): string[] {
  const id = row.get('id');
  const dis = id?.kind === 'ref' ? id.dis : null;
  const names = [textOf(row, 'navName'), textOf(row, 'dis'), dis ?? undefined, idOf(row)];
  return [...new Set(names.filter((name) => name !== undefined && name.trim() !== ''))] as string[];
}

function textOf(row: TagRow, name: string): string | undefined {
  const tag = row.get(name);
  return tag?.kind === 'text' ? tag.text : undefined;
}

/** A Haystack time zone is the city of an IANA one: New_York is America/New_York. Null for what no zone is called. */
export function timeZoneOf(city: string | undefined): string | null {
  if (city === undefined || city === '') return null;
  if (['UTC', 'GMT', 'Rel'].includes(city)) return 'UTC';
  return timeZones.find((zone) => zone === city || zone.endsWith(`/${city}`)) ?? null;
}

const timeZones = Intl.supportedValuesOf('timeZone');

function countClass(classes: Map<string, ClassFinding & { count: number }>, entity: ModelEntity): void {
  const name = entity.types[0] ?? '';
  const key = `${entity.kind} ${name}`;
  const isGeneral = ['brick:Sensor', 'brick:Setpoint', 'brick:Command'].includes(entity.class ?? '');
  const how = entity.class === null ? 'not understood' : isGeneral ? 'kind' : 'tags';
  const found = classes.get(key) ?? { name, count: 0, class: entity.class, how };
  classes.set(key, { ...found, count: found.count + 1 });
}

/** References that say what a thing gets from where; the thing that is named feeds the other. */
const feeding =
  /^(?:ahu|vav|chilledWaterPlant|hotWaterPlant|steamPlant|chilledWater|hotWater|condenserWater|steam|air|elec|gas|domesticWater|boiler|chiller|plant|submeterOf|makeupWater|naturalGas)(?:Ref)?$/;
const placing = /^(?:space|floor|room|zone|wing|location)Ref$/;

function listLinks(row: TagRow, { id, kind }: ModelEntity): ModelLink[] {
  return [...row].flatMap(([name, tag]): ModelLink[] => {
    if (tag.kind !== 'ref' || name === 'id' || tag.id === id) return [];
    if (name === 'siteRef') return [{ kind: 'inSite', from: id, to: tag.id }];
    if (name === 'equipRef')
      return kind === 'point'
        ? [{ kind: 'hasPoint', from: tag.id, to: id }]
        : [{ kind: 'isPartOf', from: id, to: tag.id }];
    if (placing.test(name))
      return kind === 'location'
        ? [{ kind: 'isPartOf', from: id, to: tag.id }]
        : [{ kind: 'isLocatedIn', from: id, to: tag.id }];
    return feeding.test(name) && kind === 'equipment' ? [{ kind: 'feeds', from: tag.id, to: id }] : [];
  });
}
