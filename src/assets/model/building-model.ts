/**
 * A building model as it is read, whichever format it came in: what is there, what it is, and how it hangs together.
 *
 *   text ─read-brick, read-haystack─▶ ModelFacts ─resolve-model─▶ ImportModel ─model-store─▶ rows
 *
 * Facts say what the file says; the import model says which rows that makes: each point with the asset it belongs to.
 */

export type EntityKind = 'site' | 'location' | 'equipment' | 'point';

/** One thing of the model. `class` is what was understood of `types`, which are the words of the file. */
export type ModelEntity = {
  readonly id: string;
  /** What it is called, the best name first; a device may use any of them. */
  readonly names: readonly string[];
  readonly kind: EntityKind;
  readonly class: string | null;
  /** The part of its equipment that the point itself names, or null. */
  readonly part: string | null;
  readonly types: readonly string[];
  readonly tags: readonly string[];
  readonly unit: string | null;
  readonly timeZone: string | null;
  readonly states: Readonly<Record<string, number>> | null;
};

/** `from` has the point `to`, is part of it, feeds it, or lies in it; `inSite` names the site itself. */
export type ModelLink = {
  readonly kind: 'hasPoint' | 'isPartOf' | 'feeds' | 'isLocatedIn' | 'inSite';
  readonly from: string;
  readonly to: string;
};

/** How often a class of the file occurs, what it was taken for, and why. */
export type ClassFinding = {
  readonly name: string;
  readonly count: number;
  readonly class: string | null;
  readonly how: 'known' | 'replaced' | 'words' | 'part' | 'kind' | 'declared' | 'tags' | 'guessed' | 'not understood';
};

/** Something that was not understood, or only in part: how often, and the first few that it is true of. */
export type Finding = {
  readonly code: string;
  readonly message: string;
  readonly count: number;
  readonly examples: readonly string[];
};

export type ModelFacts = {
  readonly format: 'brick' | 'haystack';
  readonly entities: ReadonlyMap<string, ModelEntity>;
  readonly links: readonly ModelLink[];
  readonly classes: readonly ClassFinding[];
  readonly findings: readonly Finding[];
};

export type ImportSite = {
  readonly externalId: string | null;
  readonly slug: string;
  readonly name: string;
  readonly timeZone: string | null;
};
export type ImportLocation = {
  readonly externalId: string;
  readonly site: string;
  readonly parent: string | null;
  readonly name: string;
  readonly class: string | null;
};
export type ImportAsset = {
  readonly externalId: string;
  readonly site: string;
  readonly name: string;
  readonly otherNames: readonly string[];
  readonly class: string | null;
  readonly parent: string | null;
  readonly location: string | null;
  readonly tags: readonly string[];
};
export type ImportPoint = {
  readonly externalId: string;
  readonly asset: string;
  readonly name: string;
  /** Other names under which a device may have made it known already. */
  readonly otherNames: readonly string[];
  readonly class: string | null;
  readonly partOf: string | null;
  readonly unit: string | null;
  readonly states: Readonly<Record<string, number>> | null;
};
export type ImportRelation = { readonly from: string; readonly kind: 'feeds' | 'isPartOf'; readonly to: string };

/** The rows that a model makes; they refer to each other by the model's own ids, and to sites by slug. */
export type ImportModel = {
  readonly format: 'brick' | 'haystack';
  readonly sites: readonly ImportSite[];
  readonly locations: readonly ImportLocation[];
  readonly assets: readonly ImportAsset[];
  readonly points: readonly ImportPoint[];
  readonly relations: readonly ImportRelation[];
  readonly classes: readonly ClassFinding[];
  readonly findings: readonly Finding[];
};

/** A text that is no model: what is wrong with it and where. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly line: number | null;

  constructor(message: string, more: { line?: number | null; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.line = more.line ?? null;
  }
}

export type FindingList = { add(code: string, message: string, example: string): void; list(): Finding[] };

const examplesMax = 5;

/** Collects findings: those with the same code are one, counted, with the first five examples. */
export function createFindings(): FindingList {
  const found = new Map<string, { message: string; count: number; examples: string[] }>();
  return {
    add(code, message, example) {
      const finding = found.get(code) ?? { message, count: 0, examples: [] };
      finding.count++;
      if (finding.examples.length < examplesMax) finding.examples.push(example.slice(0, 200));
      found.set(code, finding);
    },
    list: () => [...found].map(([code, finding]) => ({ code, ...finding })),
  };
}
