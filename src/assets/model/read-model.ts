import { type ImportModel, ModelError } from './building-model.ts';
import { readBrick } from './read-brick.ts';
import { readHaystack } from './read-haystack.ts';
import { type ResolveOptions, resolveModel } from './resolve-model.ts';

export type ModelFormat = 'brick' | 'haystack';

export type ReadModelOrder = {
  readonly text: string;
  readonly format: ModelFormat | null;
  readonly options: ResolveOptions;
};

/** A building model from its text; without a format it is JSON when it begins as JSON does. Throws ModelError for what is no model. */
export function readModel({ text, format, options }: ReadModelOrder): ImportModel {
  const facts = (format ?? guessFormat(text)) === 'haystack' ? readHaystack(text) : readBrick(text);
  if (facts.entities.size === 0)
    throw new ModelError('the model has neither a site, nor a place, nor equipment, nor a point that is understood');
  return resolveModel(facts, options);
}

function guessFormat(text: string): ModelFormat {
  // A Turtle text may begin with `[`, a blank node, but not with `[{`.
  return /^\s*(?:\{|\[\s*\{)/.test(text) ? 'haystack' : 'brick';
}
