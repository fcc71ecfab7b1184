/** Shapes that YAML has and a rule file has no use for: they cost whoever walks through them far more than their length. */
import { type Document, isAlias, isCollection, isPair, visit } from 'yaml';
import { errorAt, type RuleError, type Source } from './rule-error.ts';

/** Every walk through a document costs the square of its depth, and the stack. */
export const depthMax = 100;

/** Whether values lie within each other too deep to be walked through. */
export function isTooDeep({ contents }: Document): boolean {
  let level: unknown[] = [contents];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > depthMax) return true;
    level = level.flatMap((node): unknown[] => {
      if (isCollection(node)) return node.items.flatMap((item) => (isPair(item) ? [item.key, item.value] : [item]));
      return [];
    });
  }
  return false;
}

/**
 * A key that is no plain word, as an error at its place. As a property it would be its own text, twice as long for each key
 * that it stands within.
 */
export function findComplexKey(source: Source): RuleError | undefined {
  let found: RuleError | undefined;
  visit(source.document, {
    Pair(_, { key }) {
      if (!isComplex(key, source.document)) return undefined;
      const [start, end] = (isCollection(key) || isAlias(key)) && key.range ? key.range : [0, 1];
      const message = 'a key is a word here, and no list or mapping';
      found = errorAt(source, { code: 'complex_key', message, help: "write 'key: value'", start, end });
      return visit.BREAK;
    },
  });
  return found;
}

function isComplex(key: unknown, document: Document): boolean {
  return isCollection(key) || (isAlias(key) && isCollection(key.resolve(document)));
}
