/**
 * Where things are in a model: what is part of what, which place they lie in, and to which site they belong. A thing has one
 * parent; where a model gives several, a floor comes before a zone, and where parents go round in a circle, the link that
 * closes it is left out and reported.
 */
import { isSubclassOf } from '../brick-classes.ts';
import type { FindingList, ImportSite, ModelEntity, ModelFacts } from './building-model.ts';
import { localName } from './turtle.ts';

export type Places = {
  /** The equipment that a piece of equipment is part of, and the place that a place is part of. */
  readonly parents: ReadonlyMap<string, string>;
  /** The place that a piece of equipment or a point lies in. */
  readonly locations: ReadonlyMap<string, string>;
  readonly sites: readonly ImportSite[];
  /** The slug of the site of a thing; undefined when the model has several and does not say which. */
  findSite(id: string): string | undefined;
};

export type PlacesOptions = {
  /** Everything belongs to this site, whatever sites the model has. */
  readonly site: string | null;
  readonly siteName: string | null;
  readonly timeZone: string | null;
};

/** Finds the places of a model's things. Findings name circles, and things that lie nowhere. */
export function findPlaces(facts: ModelFacts, options: PlacesOptions, findings: FindingList): Places {
  const parents = new Map<string, string>();
  const locations = new Map<string, string>();
  const within = [...facts.links].sort((left, right) => rankOf(facts, left.to) - rankOf(facts, right.to));
  for (const kind of ['isPartOf', 'isLocatedIn'] as const) {
    for (const link of within) {
      const [child, parent] = [facts.entities.get(link.from), facts.entities.get(link.to)];
      if (link.kind !== kind || !child || !parent) continue;
      const isPlace = isPlaceKind(parent);
      const isOwn = isPlaceKind(child)
        ? isPlace
        : kind === 'isPartOf' && parent.kind === 'equipment' && child.kind === 'equipment';
      if (isOwn && !parents.has(child.id)) parents.set(child.id, parent.id);
      if (!isPlaceKind(child) && isPlace && !locations.has(child.id)) locations.set(child.id, parent.id);
    }
  }
  breakCircles(parents, (id, parent) =>
    findings.add(
      'circle_of_parts',
      'is part of itself by way of others; the last link was left out',
      `${localName(id)} in ${localName(parent)}`,
    ),
  );
  const sites = listSites(facts, parents, options);
  return { parents, locations, sites: sites.list, findSite: createSiteFinder(facts, { parents, locations, sites }) };
}

/** No building has more levels of parts than this; a model that does is walked no further. */
const levelsMax = 200;

/** The way from a thing to the last of its parents, itself first; parents have no circles any more. */
export function pathUp(parents: ReadonlyMap<string, string>, id: string): string[] {
  const path = [id];
  for (let next = parents.get(id); next !== undefined && path.length < levelsMax; next = parents.get(next))
    path.push(next);
  return path;
}

function isPlaceKind({ kind }: ModelEntity): boolean {
  return kind === 'location' || kind === 'site';
}

/** A room is on its floor before it is in a zone. */
function rankOf(facts: ModelFacts, id: string): number {
  const name = facts.entities.get(id)?.class ?? '';
  return isSubclassOf(name, 'brick:Zone') || isSubclassOf(name, 'brick:Collection') ? 1 : 0;
}

function breakCircles(parents: Map<string, string>, onCircle: (id: string, parent: string) => void): void {
  const done = new Set<string>();
  for (const start of [...parents.keys()]) {
    const path = new Set<string>();
    for (let id: string | undefined = start; id !== undefined && !done.has(id); id = parents.get(id)) {
      path.add(id);
      const parent = parents.get(id);
      if (parent !== undefined && path.has(parent)) {
        parents.delete(id);
        onCircle(id, parent);
      }
    }
    for (const id of path) done.add(id);
  }
}

type Sites = {
  readonly list: readonly ImportSite[];
  readonly slugs: ReadonlyMap<string, string>;
  readonly only: string | undefined;
};

/** The sites of a model: its sites, or else the buildings that are part of no other place, or else one without a name. */
function listSites(facts: ModelFacts, parents: ReadonlyMap<string, string>, options: PlacesOptions): Sites {
  const all = [...facts.entities.values()];
  const named = all.filter(({ kind }) => kind === 'site');
  const buildings = all.filter(
    ({ id, class: name }) => name !== null && isSubclassOf(name, 'brick:Building') && !parents.has(id),
  );
  const roots = named.length > 0 ? named : buildings;
  const [first] = roots;
  const zoneOf = (site: ModelEntity | undefined) => options.timeZone ?? site?.timeZone ?? null;
  if (options.site !== null || roots.length === 0) {
    const only = options.site ?? 'site';
    const name = options.siteName ?? (roots.length === 1 ? first?.names[0] : undefined) ?? only;
    const site = {
      externalId: roots.length === 1 ? (first?.id ?? null) : null,
      slug: only,
      name,
      timeZone: zoneOf(first),
    };
    return { list: [site], slugs: new Map(), only };
  }
  const slugs = new Map<string, string>();
  for (const root of roots) slugs.set(root.id, uniqueSlug(slugOf(root.names[0] ?? 'site'), new Set(slugs.values())));
  const list = roots.map((root) => ({
    externalId: root.id,
    slug: slugs.get(root.id) as string,
    name: root.names[0] ?? 'Site',
    timeZone: zoneOf(root),
  }));
  return { list, slugs, only: roots.length === 1 ? list[0]?.slug : undefined };
}

function slugOf(name: string): string {
  const slug = name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return slug.slice(0, 60).replace(/-+$/, '') || 'site';
}

function uniqueSlug(slug: string, taken: ReadonlySet<string>): string {
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? slug : `${slug}-${count}`;
    if (!taken.has(candidate)) return candidate;
  }
}

type Known = {
  readonly parents: ReadonlyMap<string, string>;
  readonly locations: ReadonlyMap<string, string>;
  readonly sites: Sites;
};

function createSiteFinder(facts: ModelFacts, { parents, locations, sites }: Known): (id: string) => string | undefined {
  if (sites.only !== undefined) return () => sites.only;
  const stated = new Map(facts.links.filter(({ kind }) => kind === 'inSite').map(({ from, to }) => [from, to]));
  const direct = (id: string) =>
    pathUp(parents, id)
      .flatMap((step) => [step, stated.get(step), ...placesAbove(step)])
      .map((step) => (step === undefined ? undefined : sites.slugs.get(step)))
      .find((slug) => slug !== undefined);
  const placesAbove = (id: string) => {
    const place = locations.get(id);
    return place === undefined ? [] : pathUp(parents, place).flatMap((step) => [step, stated.get(step)]);
  };
  // A terminal lies where the air handler lies that feeds it, when the model says no more.
  const neighbours = Map.groupBy(
    facts.links
      .filter(({ kind }) => kind === 'feeds')
      .flatMap(
        ({ from, to }) =>
          [
            [from, to],
            [to, from],
          ] as const,
      ),
    ([id]) => id,
  );
  return (id) =>
    direct(id) ?? (neighbours.get(id) ?? []).map(([, other]) => direct(other)).find((slug) => slug !== undefined);
}
