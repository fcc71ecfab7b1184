/**
 * A Brick model in Turtle, of any version from 1.0 to 1.4, as facts. Inverse predicates are read as the ones they invert,
 * and what a model leaves untyped is told from its relations where that is possible.
 */
import { createHash } from 'node:crypto';
import type { Term } from 'n3';
import { isSubclassOf } from '../brick-classes.ts';
import { nameAsset } from '../naming.ts';
import {
  createTypeReader,
  isBrickTerm,
  isVocabulary,
  kindOf,
  mostSpecific,
  saysLittle,
  type TypeMeaning,
  type TypeReader,
} from './brick-types.ts';
import {
  type ClassFinding,
  createFindings,
  type EntityKind,
  type FindingList,
  type ModelEntity,
  type ModelFacts,
  type ModelLink,
} from './building-model.ts';
import { idOf, localName, readTurtle, type Statements, type Subjects } from './turtle.ts';

type Reading = {
  readonly subjects: Subjects;
  readonly types: TypeReader;
  readonly findings: FindingList;
  readonly classes: Map<string, ClassFinding & { count: number }>;
};

/** The facts of a Brick model. Throws ModelError for what is not Turtle. */
export function readBrick(text: string): ModelFacts {
  const subjects = readTurtle(text);
  const reading: Reading = {
    subjects,
    types: createTypeReader(subjects),
    findings: createFindings(),
    classes: new Map(),
  };
  const links = listLinks(reading);
  const inferred = inferKinds(links);
  const found = new Map<string, ModelEntity>();
  for (const [id, statements] of subjects) {
    if (isBrickTerm(id) || isDeclaration(statements)) continue;
    const entity = readEntity(reading, id, { statements, inferred: inferred.get(id) });
    if (entity !== undefined) found.set(id, entity);
  }
  reportUnused(reading, found);
  const stable = nameBlankNodes(found, links);
  const renamed = (id: string) => stable.get(id) ?? id;
  return {
    format: 'brick',
    entities: new Map([...found].map(([id, entity]) => [renamed(id), { ...entity, id: renamed(id) }])),
    links: links.map((link) => ({ ...link, from: renamed(link.from), to: renamed(link.to) })),
    classes: [...reading.classes.values()],
    findings: reading.findings.list(),
  };
}

/** What each predicate says, and whether it says it of the object: `hasPart` is `isPartOf` the other way round. */
const predicates = new Map<string, { kind: ModelLink['kind']; inverse: boolean }>(
  Object.entries({
    hasPoint: 'hasPoint',
    isPointOf: '^hasPoint',
    isPartOf: 'isPartOf',
    hasPart: '^isPartOf',
    contains: '^isPartOf',
    includes: '^isPartOf',
    feeds: 'feeds',
    feedsAir: 'feeds',
    isFedBy: '^feeds',
    hasLocation: 'isLocatedIn',
    isLocatedIn: 'isLocatedIn',
    locatedIn: 'isLocatedIn',
    isLocationOf: '^isLocatedIn',
    hasSite: 'inSite',
    isSiteOf: '^inSite',
  }).map(([name, kind]) => [name, { kind: kind.replace('^', '') as ModelLink['kind'], inverse: kind.startsWith('^') }]),
);

function listLinks({ subjects, findings }: Reading): ModelLink[] {
  const links = new Map<string, ModelLink>();
  for (const [id, statements] of subjects) {
    for (const [predicate, objects] of statements) {
      const meaning = predicates.get(predicate);
      if (meaning === undefined) continue;
      for (const object of objects) {
        if (object.termType === 'Literal') {
          findings.add(
            'relation_to_text',
            'a relation leads to a text instead of a thing',
            `${localName(id)} ${predicate} "${object.value}"`,
          );
          continue;
        }
        const [from, to] = meaning.inverse ? [idOf(object), id] : [id, idOf(object)];
        if (from !== to) links.set(`${from}\n${meaning.kind}\n${to}`, { kind: meaning.kind, from, to });
      }
    }
  }
  return [...links.values()];
}

/** What relations tell of things without a type that is understood: who has points or feeds is equipment, and so on. */
function inferKinds(links: readonly ModelLink[]): Map<string, EntityKind> {
  const kinds = new Map<string, EntityKind>();
  for (const { kind, from, to } of links) {
    if (kind === 'feeds') kinds.set(from, 'equipment');
    if (kind === 'hasPoint') {
      kinds.set(to, 'point');
      if (!kinds.has(from)) kinds.set(from, 'equipment');
    }
  }
  return kinds;
}

/** Whether a subject is a class, a property or a shape of the model's own vocabulary. */
function isDeclaration(statements: Statements): boolean {
  const types = (statements.get('type') ?? []).map(({ value }) => value);
  return (
    types.some(
      (type) => /#(?:Class|NodeShape|ObjectProperty|DatatypeProperty|Ontology)$/.test(type) && isVocabulary(type),
    ) || statements.has('subClassOf')
  );
}

type Given = { readonly statements: Statements; readonly inferred: EntityKind | undefined };

function readEntity(reading: Reading, id: string, { statements, inferred }: Given): ModelEntity | undefined {
  const types = (statements.get('type') ?? []).map((term) => term.value).filter((type) => !isVocabulary(type));
  const meanings = types.map((type) => reading.types.find(type));
  const meaning = mostSpecific(meanings.filter((one) => one !== undefined));
  const name = localName(id);
  const kind = (meaning && kindOf(meaning.class)) ?? inferred;
  for (const [index, type] of types.entries()) countClass(reading, type, meanings[index]);
  if (kind === undefined) {
    if (types.length > 0 && !id.startsWith('_:'))
      reading.findings.add(
        'not_understood',
        'neither a place, nor equipment, nor a point',
        `${name} a ${types.map(localName).join(', ')}`,
      );
    return undefined;
  }
  const guessed = meaning === undefined && kind === 'equipment' && isNumbered(name) ? nameAsset(name) : null;
  if (types.length === 0)
    reading.findings.add(
      'without_type',
      `has no type; it was taken for what its relations make it`,
      `${name}: ${guessed ?? kind}`,
    );
  const classes = new Set(meanings.flatMap((one) => (one === undefined ? [] : [one.class])));
  if ([...classes].some((one) => kindOf(one) !== kind))
    reading.findings.add(
      'several_kinds',
      'has types of several kinds; the narrowest was taken',
      `${name}: ${types.map(localName).join(', ')}`,
    );
  return {
    id,
    names: namesOf(reading.subjects, { statements, name: id.startsWith('_:') ? '' : name }),
    kind,
    class: meaning?.class ?? guessed,
    part: (kind === 'point' && phaseOf(reading.subjects, statements)) || (meaning?.part ?? null),
    types: types.map(localName),
    tags: (statements.get('hasTag') ?? []).map((term) => localName(term.value)).slice(0, 50),
    unit: unitOf(reading.subjects, statements.get('hasUnit')?.[0]),
    timeZone: (statements.get('timezone') ?? statements.get('hasTimezone'))?.[0]?.value ?? null,
    states: null,
  };
}

/** `AHU_5` is an air handler; `AHU_5_Room` or `AHU_5_Interface` may be anything. */
function isNumbered(name: string): boolean {
  return /^[a-z]+[-_ ]?[a-z]?\d+[a-z]?$/i.test(name);
}

function countClass({ classes }: Reading, type: string, meaning: TypeMeaning | undefined): void {
  const name = localName(type);
  const how = meaning === undefined ? 'not understood' : saysLittle(meaning.class) ? 'kind' : meaning.how;
  const found = classes.get(type) ?? { name, count: 0, class: meaning?.class ?? null, how };
  classes.set(type, { ...found, count: found.count + 1 });
}

const naming = ['label', 'prefLabel', 'name', 'hasTimeseriesId', 'object-name', 'stream_id', 'uuid'];
const referring = [
  'hasExternalReference',
  'hasTimeseriesReference',
  'timeseries',
  'hasBACnetReference',
  'bacnetReference',
];

/** Labels first, then the name in the IRI, then the names in external references (Brick's ref:hasExternalReference). */
function namesOf(subjects: Subjects, { statements, name }: { statements: Statements; name: string }): string[] {
  const textsOf = (from: Statements | undefined, predicate: string) =>
    (from?.get(predicate) ?? []).filter((term) => term.termType === 'Literal').map((term) => term.value);
  const references = referring.flatMap((predicate) =>
    (statements.get(predicate) ?? []).map((term) => subjects.get(idOf(term))),
  );
  const labels = naming.slice(0, 3).flatMap((predicate) => textsOf(statements, predicate));
  const others = [statements, ...references].flatMap((from) =>
    naming.slice(3).flatMap((predicate) => textsOf(from, predicate)),
  );
  return [...new Set([...labels, name, ...others].map((text) => text.trim()))]
    .filter((text) => text !== '')
    .slice(0, 10);
}

/** A unit is QUDT's IRI, a text, or a node with the text as its value. */
function unitOf(subjects: Subjects, term: Term | undefined): string | null {
  const given = term && textOf(subjects, term);
  return given === undefined || given === '' ? null : localName(given).slice(0, 64);
}

function textOf(subjects: Subjects, term: Term): string | undefined {
  if (term.termType !== 'BlankNode') return term.value;
  return subjects.get(idOf(term))?.get('value')?.[0]?.value;
}

/** The phase of a quantity of electricity, of which a meter has one each (brick:electricalPhases). */
function phaseOf(subjects: Subjects, statements: Statements): string | null {
  const term = (statements.get('electricalPhases') ?? statements.get('hasElectricalPhases'))?.[0];
  const phase = term && textOf(subjects, term);
  const name = `faultline:Phase_${phase === 'AC' ? 'CA' : phase}`;
  return isSubclassOf(name, 'faultline:Electrical_Phase') ? name : null;
}

const noted = new Set([
  ...predicates.keys(),
  ...naming,
  ...referring,
  'type',
  'hasTag',
  'hasUnit',
  'value',
  'timezone',
  'hasTimezone',
  'electricalPhases',
  'hasElectricalPhases',
]);

function reportUnused({ subjects, findings }: Reading, found: ReadonlyMap<string, ModelEntity>): void {
  for (const id of found.keys()) {
    for (const predicate of subjects.get(id)?.keys() ?? []) {
      if (!noted.has(predicate))
        findings.add(`not_used:${predicate.slice(0, 60)}`, 'a property that is not used', localName(id));
    }
  }
}

/** A blank node has no name that lasts, so it is called after whom it belongs to: its class, counted there. */
function nameBlankNodes(found: ReadonlyMap<string, ModelEntity>, links: readonly ModelLink[]): Map<string, string> {
  const owners = new Map<string, string>();
  for (const { kind, from, to } of links) {
    const [owner, owned] = kind === 'hasPoint' ? [from, to] : [to, from];
    if (owned.startsWith('_:') && !owners.has(owned)) owners.set(owned, owner);
  }
  const counts = new Map<string, number>();
  const names = new Map<string, string>();
  for (const [id, entity] of found) {
    if (!id.startsWith('_:')) continue;
    const owner = owners.get(id) ?? '';
    const stem = shortened(
      `${names.get(owner) ?? (owner.startsWith('_:') ? '_:' : owner)}/${entity.types[0] ?? entity.kind}`,
    );
    const count = (counts.get(stem) ?? 0) + 1;
    counts.set(stem, count);
    names.set(id, count === 1 ? stem : `${stem}-${count}`);
  }
  return names;
}

/** Blank nodes within blank nodes would have names as long as they lie deep. */
function shortened(id: string): string {
  return id.length <= 300 ? id : `_:${createHash('sha256').update(id).digest('hex')}`;
}
