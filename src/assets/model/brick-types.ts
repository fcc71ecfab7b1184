/**
 * What the types of an entity mean. A type may be Brick's of any version, RealEstateCore's, one that the model declares as a
 * subclass of these, or a word of the model's own.
 */
import type { Term } from 'n3';
import { depthOf, isSubclassOf } from '../brick-classes.ts';
import type { ClassFinding, EntityKind } from './building-model.ts';
import { findMeaning } from './class-names.ts';
import { localName, type Subjects } from './turtle.ts';

export type TypeMeaning = { readonly class: string; readonly part: string | null; readonly how: ClassFinding['how'] };

export type TypeReader = {
  /** What a type means; undefined when nothing can be said. */
  find(iri: string): TypeMeaning | undefined;
};

const brickNamespace =
  /^https?:\/\/(?:brickschema\.org\/schema|buildsys\.org\/ontologies)\/(?:[\d.]+\/)?(?:Brick|BrickFrame|bf|BrickUse|BrickTag)#/;
const vocabularies =
  /^http:\/\/www\.w3\.org\/|^https:\/\/brickschema\.org\/(?:schema\/Brick\/ref|schema\/BrickShape|extension\/ifc)#|^http:\/\/data\.ashrae\.org\/bacnet\//;

/** Whether an IRI is a word of Brick itself, of whatever version, and so no thing of a building. */
export function isBrickTerm(iri: string): boolean {
  return brickNamespace.test(iri);
}

/** Whether an IRI is a word of the W3C's vocabularies, or of references into BACnet and IFC, which say nothing of a building. */
export function isVocabulary(iri: string): boolean {
  return vocabularies.test(iri);
}

/** Reads types by their names, and by what the model itself says of them (rdfs:subClassOf). */
export function createTypeReader(subjects: Subjects): TypeReader {
  const meanings = new Map<string, TypeMeaning | undefined>();
  const find = (iri: string, path: ReadonlySet<string> = new Set()): TypeMeaning | undefined => {
    if (meanings.has(iri) || path.has(iri) || path.size > 50) return meanings.get(iri);
    const byName = findMeaning(nameOf(iri));
    if (byName !== undefined && byName.how !== 'kind') return keep(iri, byName);
    const declared = declaredSuperclasses(subjects.get(iri))
      .filter((superclass) => !isVocabulary(superclass))
      .map((superclass) => find(superclass, new Set([...path, iri])))
      .find((meaning) => meaning !== undefined);
    return keep(iri, chooseMeaning(declared, byName));
  };
  const keep = (iri: string, meaning: TypeMeaning | undefined) => {
    meanings.set(iri, meaning);
    return meaning;
  };
  return { find: (iri) => find(iri) };
}

/** What a model declares counts, unless it declares no more than a point where the name says a temperature sensor. */
function chooseMeaning(declared: TypeMeaning | undefined, byName: TypeMeaning | undefined): TypeMeaning | undefined {
  if (declared === undefined) return byName;
  if (byName !== undefined && isSubclassOf(byName.class, declared.class)) return byName;
  return { ...declared, how: saysLittle(declared.class) ? 'kind' : 'declared' };
}

/** Whether a class says no more than that there is something. */
export function saysLittle(name: string): boolean {
  return ['brick:Point', 'brick:Equipment', 'brick:Location'].includes(name);
}

/** The kind of thing that a class stands for; undefined for what is neither place, equipment nor point. Systems count as equipment. */
export function kindOf(name: string): EntityKind | undefined {
  if (isSubclassOf(name, 'brick:Site')) return 'site';
  if (isSubclassOf(name, 'brick:Point')) return 'point';
  if (isSubclassOf(name, 'brick:Equipment') || isSubclassOf(name, 'brick:Collection')) return 'equipment';
  if (isSubclassOf(name, 'brick:Location')) return 'location';
  return undefined;
}

/** Of several meanings the one that says most: the deepest class, of those that are not above another. */
export function mostSpecific(meanings: readonly TypeMeaning[]): TypeMeaning | undefined {
  const narrow = meanings.filter(
    (one) => !meanings.some((other) => other.class !== one.class && isSubclassOf(other.class, one.class)),
  );
  return narrow.sort((left, right) => rank(right) - rank(left))[0];
}

function rank(meaning: TypeMeaning): number {
  return (meaning.how === 'kind' ? 0 : 100) + depthOf(meaning.class);
}

function declaredSuperclasses(statements: ReturnType<Subjects['get']>): string[] {
  const above: readonly Term[] = [...(statements?.get('subClassOf') ?? []), ...(statements?.get('type') ?? [])];
  return above.filter((term) => term.termType === 'NamedNode').map((term) => term.value);
}

/** RealEstateCore writes Level and HVACZone, and has kinds of room that Brick 1.4 took over. */
function nameOf(iri: string): string {
  const name = localName(iri);
  if (!iri.startsWith('https://w3id.org/rec')) return name.replace(/^_+|_+$/g, '');
  return (
    { Level: 'Floor', HVACZone: 'HVAC_Zone', RealEstate: 'Site' }[name] ?? name.replace(/([a-z])([A-Z])/g, '$1_$2')
  );
}
