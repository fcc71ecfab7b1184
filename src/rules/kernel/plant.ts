import { canonicalClass, isSubclassOf } from '../../assets/brick-classes.ts';
import type { InputFrom, RuleInput } from '../language/rule.ts';
import type { RuleAsset, RulePoint } from './bind.ts';

/**
 * The assets among which inputs find their points, and how.
 *
 *   self       the asset's own points
 *   site       those of an asset that stands for the site (a weather station, the building), else the only such point of the site
 *   upstream   those of the nearest asset upstream over `feeds` and `isPartOf` that has one
 *
 * An input may name several of them: the first that has such a point counts. Where two points would do there, neither is taken,
 * and the search is over: the reason says what would tell them apart.
 */
export type Plant = {
  find(input: RuleInput, owner: PlantAsset): Found | { reason: string };
};

export type PlantAsset = { asset: RuleAsset; points: readonly RulePoint[] };

/** A point by its place among the points of an asset. */
export type Found = { owner: PlantAsset; index: number };

/** Why there is none; `isAbsent` where nothing fits at all, and another place may have it. */
type Lack = { reason: string; isAbsent: boolean };

/** The plant of some assets; points of other assets than these are not found. */
export function createPlant(assets: readonly PlantAsset[]): Plant {
  const byId = new Map(assets.map((one) => [one.asset.id, one]));
  const bySite = Map.groupBy(assets, siteOf);
  const knownOnSite = new Map<string, Found | Lack>();
  return { find };

  function find(input: RuleInput, owner: PlantAsset): Found | { reason: string } {
    const reasons: string[] = [];
    for (const from of input.from) {
      const found = findFrom(from, input, owner);
      if (!('reason' in found)) return found;
      reasons.push(found.reason);
      if (!found.isAbsent) break;
    }
    return { reason: reasons.join(', and ') };
  }

  function findFrom(from: InputFrom, input: RuleInput, owner: PlantAsset): Found | Lack {
    switch (from.kind) {
      case 'self':
        return pick(input, owner, { indexes: findIndexes(input, owner.points), whose: '' });
      case 'site': {
        // The answer is the same for all assets of a site, and there may be thousands of them.
        const { classes, of, named, index } = input;
        const key = JSON.stringify([siteOf(owner), classes, of, named, index]);
        const known = knownOnSite.get(key) ?? findOnSite(input, bySite.get(siteOf(owner)) ?? [owner]);
        knownOnSite.set(key, known);
        return known;
      }
      case 'upstream':
        return findUpstream(input, from.class, owner);
    }
  }

  /** Breadth first, so that the assets of one round are equally near. */
  function findUpstream(input: RuleInput, wanted: string | null, { asset }: PlantAsset): Found | Lack {
    const seen = new Set([asset.id]);
    let round = nextRound([asset], seen);
    if (round.length === 0)
      return absent('nothing is upstream of the asset: it needs a feeds or isPartOf relation to what serves it');
    for (
      ;
      round.length > 0;
      round = nextRound(
        round.map((one) => one.asset),
        seen,
      )
    ) {
      const fitting = round.filter((one) => wanted === null || isSubclassOf(one.asset.class, wanted));
      const having = fitting.filter(({ points }) => findIndexes(input, points).length > 0);
      if (having.length > 1) {
        const way =
          wanted === null
            ? 'a class, as in from: upstream(brick:AHU), or a relation to one of them only'
            : 'a relation to one of them only';
        return ambiguous(
          `${having.length} assets equally near upstream have ${describe(input)}: ${namesOf(having)}; say which by ${way}`,
        );
      }
      const [only] = having;
      if (only) return pickOf(input, only);
    }
    return absent(`no point ${describe(input)} on any ${wanted ?? 'asset'} upstream`);
  }

  function nextRound(from: readonly RuleAsset[], seen: Set<string>): PlantAsset[] {
    const ids = new Set(from.flatMap(({ upstream }) => upstream ?? []).filter((id) => !seen.has(id)));
    for (const id of ids) seen.add(id);
    return [...ids].flatMap((id) => byId.get(id) ?? []);
  }
}

// What an asset is called that stands for its site as a whole.
const siteClasses = ['brick:Weather_Station', 'brick:Site', 'brick:Building', 'brick:Outdoor_Area', 'brick:Outside'];

function siteOf({ asset }: PlantAsset): string {
  return asset.site?.id ?? '';
}

function absent(reason: string): Lack {
  return { reason, isAbsent: true };
}

function ambiguous(reason: string): Lack {
  return { reason, isAbsent: false };
}

function findOnSite(input: RuleInput, assets: readonly PlantAsset[]): Found | Lack {
  const having = assets.filter(({ points }) => findIndexes(input, points).length > 0);
  const standing = having.filter(({ asset }) => siteClasses.some((wanted) => isSubclassOf(asset.class, wanted)));
  const candidates = standing.length > 0 ? standing : having;
  const [only] = candidates;
  if (only && candidates.length === 1) return pickOf(input, only);
  if (!only) return absent(`no point ${describe(input)} on any asset of the site`);
  const help =
    standing.length > 0
      ? 'keep the one that is to count'
      : 'give the site one of its own, on a brick:Weather_Station or brick:Building';
  return ambiguous(`${candidates.length} assets of the site have ${describe(input)}: ${namesOf(candidates)}; ${help}`);
}

/** The point of another asset than the one that asks. */
function pickOf(input: RuleInput, owner: PlantAsset): Found | Lack {
  return pick(input, owner, { indexes: findIndexes(input, owner.points), whose: ` on ${owner.asset.name}` });
}

type Fitting = { indexes: readonly number[]; whose: string };

function pick(input: RuleInput, owner: PlantAsset, { indexes, whose }: Fitting): Found | Lack {
  const [first] = indexes;
  if (first === undefined) return absent(`no point ${describe(input)}${whose}`);
  if (input.index !== null) {
    const index = inOrderOfNames(indexes, owner.points)[input.index - 1];
    if (index !== undefined) return { owner, index };
    return ambiguous(
      `only ${indexes.length} of the points${whose} ${indexes.length === 1 ? 'is' : 'are'} ${describe(input)}, and the rule wants number ${input.index}`,
    );
  }
  if (indexes.length === 1) return { owner, index: first };
  const names = indexes.map((index) => nameOf(owner.points[index] as RulePoint)).join(', ');
  const help = "say which by 'of', 'named', 'index' or a narrower class";
  return ambiguous(`${indexes.length} points${whose} are ${describe(input)}: ${names}; ${help}`);
}

/** The points that fit the first class that any point fits. */
function findIndexes({ classes, of, named }: RuleInput, points: readonly RulePoint[]): readonly number[] {
  const name = named === null ? null : patternOf(named);
  for (const wanted of classes) {
    const indexes = findOfClass(points, wanted, of).filter(
      (index) => name === null || name.test(nameOf(points[index] as RulePoint)),
    );
    if (indexes.length > 0) return indexes;
  }
  return [];
}

/** The nearest match wins: the very class before its subclasses, a point without a part before those of parts when none is asked. */
function findOfClass(points: readonly RulePoint[], wanted: string, of: string | null): number[] {
  const all = points.flatMap((point, index) =>
    point.class !== null &&
    isSubclassOf(point.class, wanted) &&
    (of === null || (point.of !== null && isSubclassOf(point.of, of)))
      ? [index]
      : [],
  );
  const narrower = (keep: (point: RulePoint) => boolean) => (indexes: number[]) => {
    const kept = indexes.filter((index) => keep(points[index] as RulePoint));
    return indexes.length > 1 && kept.length > 0 ? kept : indexes;
  };
  const whole = of === null ? narrower((point) => point.of === null)(all) : all;
  const canonical = canonicalClass(wanted);
  return narrower((point) => point.class !== null && canonicalClass(point.class) === canonical)(whole);
}

/** Numbers in names count as numbers, so that T-2 comes before T-10. */
function inOrderOfNames(indexes: readonly number[], points: readonly RulePoint[]): number[] {
  const name = (index: number) => nameOf(points[index] as RulePoint);
  return [...indexes].sort((a, b) => name(a).localeCompare(name(b), 'en', { numeric: true }) || a - b);
}

/** A pattern of names, in which * stands for anything; upper and lower case are one. */
function patternOf(named: string): RegExp {
  const source = named.split('*').map((part) => part.replace(/[^A-Za-z0-9]/g, '\\$&'));
  return new RegExp(`^${source.join('.*')}$`, 'is');
}

function describe({ classes, of, named }: RuleInput): string {
  return `${classes.join(' or ')}${of === null ? '' : ` of ${of}`}${named === null ? '' : ` named ${named}`}`;
}

function namesOf(assets: readonly PlantAsset[]): string {
  const shown = assets.slice(0, 5).map(({ asset }) => asset.name);
  return `${shown.join(', ')}${assets.length > shown.length ? ' and others' : ''}`;
}

function nameOf({ name, id }: RulePoint): string {
  return name ?? id;
}
