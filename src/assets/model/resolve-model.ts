import { isKnownClass, isSubclassOf } from '../brick-classes.ts';
import {
  createFindings,
  type FindingList,
  type ImportAsset,
  type ImportLocation,
  type ImportModel,
  type ImportPoint,
  type ModelEntity,
  type ModelFacts,
} from './building-model.ts';
import { findOwners, findUnit, type Owner, unassigned } from './model-owners.ts';
import { findPlaces, type Places, type PlacesOptions, pathUp } from './model-places.ts';
import { listRelations } from './model-relations.ts';
import { assumeUnit, type UnitSystem } from './model-units.ts';
import { localName } from './turtle.ts';

export type ResolveOptions = PlacesOptions & {
  /** The units of points that state none; null leaves them without, and rules that need a unit do not run on them. */
  readonly assumeUnits: UnitSystem | null;
};

/** What rows a model makes: sites, places, assets with their relations, and points, each with the asset that rules find it at. */
export function resolveModel(facts: ModelFacts, options: ResolveOptions): ImportModel {
  const findings = createFindings();
  const places = findPlaces(facts, options, findings);
  const owners = findOwners(facts, places, findings);
  reportDangling(facts, findings);
  const locations = listLocations(facts, places);
  const assets = listAssets(facts, { places, owners, findings });
  const known = new Set(assets.map(({ externalId }) => externalId));
  const unitOf = (id: string) => {
    const entity = facts.entities.get(id);
    return entity === undefined ? id : findUnit(facts, places, entity).unit.id;
  };
  const relations = listRelations(facts, { parents: places.parents, unitOf, findings });
  return {
    format: facts.format,
    sites: places.sites,
    locations,
    assets,
    points: listPoints(facts, { owners, places, options, findings }).filter(({ asset }) => known.has(asset)),
    relations: relations.filter(({ from, to }) => known.has(from) && known.has(to)),
    classes: [...facts.classes].sort((left, right) => right.count - left.count),
    findings: [...facts.findings, ...findings.list()],
  };
}

/** The asset of points that belong to nothing, in a site of several. */
function unassignedIn(slug: string): string {
  return `${unassigned}:${slug}`;
}

function reportDangling(facts: ModelFacts, findings: FindingList): void {
  for (const { kind, from, to } of facts.links) {
    const absent = [from, to].filter((id) => !facts.entities.has(id));
    if (absent.length > 0)
      findings.add(
        'dangling_reference',
        'a relation with something that the model does not describe',
        `${localName(from)} ${kind} ${localName(to)}`,
      );
  }
}

function listLocations(facts: ModelFacts, places: Places): ImportLocation[] {
  const own = new Set(places.sites.map(({ externalId }) => externalId));
  const isRow = (entity: ModelEntity | undefined) =>
    entity?.kind === 'location' || (entity?.kind === 'site' && !own.has(entity.id));
  return [...facts.entities.values()].flatMap((entity) => {
    const site = places.findSite(entity.id);
    if (!isRow(entity) || site === undefined) return [];
    const above = places.parents.get(entity.id);
    const parent = above !== undefined && isRow(facts.entities.get(above)) ? above : null;
    return [{ externalId: entity.id, site, parent, name: entity.names[0] ?? entity.id, class: entity.class }];
  });
}

type Found = { readonly places: Places; readonly owners: ReadonlyMap<string, Owner>; readonly findings: FindingList };

/** All equipment, and besides it the places that have points of their own, and the asset for points of nothing. */
function listAssets(facts: ModelFacts, { places, owners, findings }: Found): ImportAsset[] {
  const holding = new Set([...owners.values()].map(({ asset }) => asset));
  const assets = [...facts.entities.values()].flatMap((entity): ImportAsset[] => {
    if (entity.kind === 'point' || (entity.kind !== 'equipment' && !holding.has(entity.id))) return [];
    const site = places.findSite(entity.id);
    if (site === undefined) {
      findings.add(
        'without_site',
        'belongs to none of the sites of the model; it was left out',
        entity.names[0] ?? entity.id,
      );
      return [];
    }
    if (entity.class === null || !isKnownClass(entity.class)) {
      findings.add(
        'equipment_without_class',
        'equipment of a class that is not understood; no rule applies to it',
        `${entity.names[0] ?? entity.id}: ${entity.types.join(', ')}`,
      );
    }
    const above = places.parents.get(entity.id);
    const parent = above !== undefined && facts.entities.get(above)?.kind === 'equipment' ? above : null;
    const location = entity.kind === 'location' ? entity.id : placeOf(entity.id, places);
    return [
      {
        externalId: entity.id,
        site,
        name: entity.names[0] ?? '',
        otherNames: entity.names.slice(1),
        class: entity.class,
        parent,
        location,
        tags: entity.tags,
      },
    ];
  });
  if (!holding.has(unassigned)) return assets;
  const orphans = [...owners].filter(([, owner]) => owner.asset === unassigned).map(([id]) => places.findSite(id));
  const rest = [...new Set(orphans)].filter((slug) => slug !== undefined);
  return [
    ...assets,
    ...rest.map((site) => ({
      externalId: unassignedIn(site),
      site,
      name: 'unassigned',
      otherNames: [],
      class: null,
      parent: null,
      location: null,
      tags: [],
    })),
  ];
}

/** The place of a piece of equipment, or else of what it is part of. */
function placeOf(id: string, places: Places): string | null {
  for (const step of pathUp(places.parents, id)) {
    const place = places.locations.get(step);
    if (place !== undefined) return place;
  }
  return null;
}

type Settled = Found & { readonly options: ResolveOptions };

function listPoints(facts: ModelFacts, { owners, places, options, findings }: Settled): ImportPoint[] {
  return [...owners].map(([id, owner]) => {
    const point = facts.entities.get(id) as ModelEntity;
    const slug = owner.asset === unassigned ? places.findSite(id) : undefined;
    const [name = '', ...others] = point.names;
    const unit = point.unit ?? (options.assumeUnits && assumeUnit(owner.class, options.assumeUnits));
    if (point.unit === null && unit !== null)
      findings.add(
        'unit_assumed',
        `states no unit; the usual one was assumed (${options.assumeUnits})`,
        `${name}: ${unit}`,
      );
    if (unit === null && needsUnit(owner.class))
      findings.add('unit_missing', 'a quantity without a unit: rules that compare it do not run', name);
    if (owner.class === null)
      findings.add(
        'point_without_class',
        'a point of a class that is not understood; no rule finds it',
        `${name}: ${point.types.join(', ')}`,
      );
    return {
      externalId: id,
      asset: slug === undefined ? owner.asset : unassignedIn(slug),
      name,
      otherNames: [...others, ...shortNames(point, facts.entities.get(owner.asset))],
      class: owner.class,
      partOf: owner.partOf,
      unit,
      states: point.states,
    };
  });
}

function needsUnit(name: string | null): boolean {
  return name !== null && assumeUnit(name, 'si') !== null && !isSubclassOf(name, 'brick:Alarm');
}

/** `AHU-01.sat` of AHU-01 may be known as `sat`. */
function shortNames(point: ModelEntity, asset: ModelEntity | undefined): string[] {
  const [name = ''] = point.names;
  return (asset?.names ?? [])
    .filter((long) => long !== '' && name.startsWith(long))
    .map((long) => name.slice(long.length).replace(/^[\s._:-]+/, ''))
    .filter((short) => short !== '');
}
