/**
 * Turtle (https://www.w3.org/TR/turtle/) as subjects with their statements. Predicates are kept by their local name alone:
 * `bf:hasPoint` of Brick 1.0, `brick:hasPoint` of 1.1 and later, and names written with a wrong prefix all say the same.
 */
import { Parser, type Quad, type Term } from 'n3';
import { ModelError } from './building-model.ts';

export type Statements = ReadonlyMap<string, readonly Term[]>;
export type Subjects = ReadonlyMap<string, Statements>;

const triplesMax = 2_000_000;

/** The statements of a Turtle text by subject and predicate. Throws ModelError, with the line, for what is not Turtle. */
export function readTurtle(text: string): Subjects {
  const subjects = new Map<string, Map<string, Term[]>>();
  for (const { subject, predicate, object } of parse(text)) {
    const statements = getOrMake(subjects, idOf(subject), () => new Map<string, Term[]>());
    getOrMake(statements, localName(predicate.value), () => []).push(object);
  }
  return subjects;
}

/** The id of a node: an IRI, or the label of a blank node after `_:`. */
export function idOf(term: Term): string {
  return term.termType === 'BlankNode' ? `_:${term.value}` : term.value;
}

/** What stands after the last `#`, `/` or `:` of an IRI. */
export function localName(iri: string): string {
  const end = Math.max(iri.lastIndexOf('#'), iri.lastIndexOf('/'));
  const name = iri.slice((end === -1 ? iri.lastIndexOf(':') : end) + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    // A percent sign that encodes nothing is part of the name.
    return name;
  }
}

function parse(text: string): Quad[] {
  let quads: Quad[];
  try {
    quads = new Parser({ format: 'text/turtle', baseIRI: 'urn:model:' }).parse(text);
  } catch (error) {
    const line = /line (\d+)/.exec((error as Error).message)?.[1];
    const where = line === undefined ? {} : { line: Number(line) };
    const reason = (error as Error).message.slice(0, 200);
    throw new ModelError(`this is not Turtle: ${reason}`, { ...where, cause: error });
  }
  if (quads.length > triplesMax)
    throw new ModelError(`the model has ${quads.length} statements; at most ${triplesMax} are read`);
  return quads;
}

function getOrMake<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const found = map.get(key);
  if (found !== undefined) return found;
  const made = make();
  map.set(key, made);
  return made;
}
