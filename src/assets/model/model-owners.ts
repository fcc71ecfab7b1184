/**
 * To which asset a point belongs, and to which part of it. A rule looks at one asset and finds the points of its parts by the
 * part's class, so:
 *
 *   a point of                                      belongs to                            as a point of the part
 *   a coil, damper, valve, filter, fan ... of a unit  the unit                              the outermost such part
 *   a control valve                                 the unit                              the coil that it serves
 *   a zone or a room                                the one terminal that feeds it        HVAC_Zone
 *   a zone that no terminal, or several, feed       the zone itself, as an asset
 *   nothing                                         the asset `unassigned` of its site
 */
import { isSubclassOf } from '../brick-classes.ts';
import type { FindingList, ModelEntity, ModelFacts } from './building-model.ts';
import { type Places, pathUp } from './model-places.ts';
import { narrowClass } from './narrow-class.ts';

export type Owner = { readonly asset: string; readonly partOf: string | null; readonly class: string | null };

/** The id of the asset that takes the points of nothing, one in each site. */
export const unassigned = 'faultline:unassigned';

/** What is a part of a unit and no unit itself, where the model says what it is part of. */
const components = [
  'Coil',
  'Damper',
  'Valve',
  'Filter',
  'Fan',
  'Motor',
  'Variable_Frequency_Drive',
  'Heat_Wheel',
  'Humidifier',
  'Economizer',
]
  .map((name) => `brick:${name}`)
  .concat('faultline:Bearing', 'faultline:Electrical_Phase');

/** The owner of each point of a model. Findings name points of nothing, of several things, and of places. */
export function findOwners(facts: ModelFacts, places: Places, findings: FindingList): Map<string, Owner> {
  const holders = listHolders(facts);
  const feeders = listFeeders(facts, places);
  const coils = listCoils(facts);
  const owners = new Map<string, Owner>();
  for (const point of facts.entities.values()) {
    if (point.kind !== 'point') continue;
    const holder = chooseHolder(point, { holders: holders.get(point.id) ?? [], places, findings });
    if (holder === undefined) {
      findings.add(
        'point_without_equipment',
        'a point of nothing; it was given to the asset "unassigned" of the site',
        nameOf(point),
      );
      owners.set(point.id, { asset: unassigned, partOf: null, class: point.class });
    } else owners.set(point.id, place(point, holder, { facts, places, feeders, coils, findings }));
  }
  return owners;
}

/** The unit that a piece of equipment belongs to, and the parts on the way to it, the innermost first. */
export function findUnit(
  facts: ModelFacts,
  places: Pick<Places, 'parents'>,
  equipment: ModelEntity,
): { unit: ModelEntity; parts: ModelEntity[] } {
  const parts: ModelEntity[] = [];
  let unit = equipment;
  for (const id of pathUp(places.parents, equipment.id).slice(1)) {
    const parent = facts.entities.get(id);
    if (parent === undefined || !isComponent(unit) || isSubclassOf(parent.class ?? '', 'brick:Collection')) break;
    parts.push(unit);
    unit = parent;
  }
  return { unit, parts };
}

function listHolders(facts: ModelFacts): Map<string, ModelEntity[]> {
  const holders = new Map<string, ModelEntity[]>();
  const add = (point: string, holder: string) => {
    const entity = facts.entities.get(holder);
    if (entity === undefined || entity.kind === 'point' || facts.entities.get(point)?.kind !== 'point') return;
    const known = holders.get(point) ?? [];
    if (!known.includes(entity)) holders.set(point, [...known, entity]);
  };
  for (const kind of ['hasPoint', 'isPartOf', 'isLocatedIn', 'inSite']) {
    for (const link of facts.links) {
      if (link.kind !== kind) continue;
      if (kind === 'hasPoint') add(link.to, link.from);
      // Where a point lies says whose it is only when nothing else does.
      else if (!holders.has(link.from)) add(link.from, link.to);
    }
  }
  return holders;
}

type Choice = { readonly holders: readonly ModelEntity[]; readonly places: Places; readonly findings: FindingList };

/** Equipment before places, what has a type before what has none, and of a unit and its part the part. */
function chooseHolder(point: ModelEntity, { holders, places, findings }: Choice): ModelEntity | undefined {
  const equipment = holders.filter(({ kind }) => kind === 'equipment');
  const typed = equipment.filter(({ types }) => types.length > 0);
  const candidates = [typed, equipment, holders].find(({ length }) => length > 0) ?? [];
  const inner = candidates.filter(
    (one) => !candidates.some((other) => other !== one && pathUp(places.parents, other.id).includes(one.id)),
  );
  if (inner.length > 1) {
    findings.add(
      'point_of_several',
      'a point of several things; the first has it',
      `${nameOf(point)}: ${inner.map(nameOf).join(', ')}`,
    );
  }
  return inner[0];
}

type Surroundings = {
  readonly facts: ModelFacts;
  readonly places: Places;
  readonly feeders: ReadonlyMap<string, readonly ModelEntity[]>;
  /** The class of the coil that a valve feeds. */
  readonly coils: ReadonlyMap<string, string>;
  readonly findings: FindingList;
};

function place(
  point: ModelEntity,
  holder: ModelEntity,
  { facts, places, feeders, coils, findings }: Surroundings,
): Owner {
  if (holder.kind !== 'equipment') {
    const terminal = onlyTerminal(feeders.get(holder.id) ?? []);
    if (terminal !== undefined) return { asset: terminal.id, partOf: zone, class: narrowClass(point.class, zone) };
    findings.add(
      'point_of_a_place',
      'a point of a place that no single terminal serves; the place is an asset of its own for it',
      `${nameOf(point)} of ${nameOf(holder)}`,
    );
    return { asset: holder.id, partOf: null, class: point.class };
  }
  const { unit, parts } = findUnit(facts, places, holder);
  const outermost = parts.at(-1)?.class ?? null;
  const named = point.part !== null && !isSubclassOf(unit.class ?? '', point.part) ? point.part : null;
  // The name of the point says more than where it hangs, unless it says the same in general (a Fan of the Supply_Fan).
  const part = named !== null && !isSubclassOf(outermost ?? '', named) ? named : outermost;
  return {
    asset: unit.id,
    partOf: part === null ? null : servedCoil(part, coils.get(parts.at(-1)?.id ?? '')),
    // First by its part, then as the unit's: the static pressure at an air handler's fan is that of its duct.
    class: narrowClass(narrowClass(point.class, named ?? parts[0]?.class ?? null), unit.class),
  };
}

function isComponent({ class: name }: ModelEntity): boolean {
  return name !== null && components.some((component) => isSubclassOf(name, component));
}

/** A control valve is the coil's: rules ask for the position of the valve of the cooling coil. */
function servedCoil(part: string, coil: string | undefined): string {
  if (!isSubclassOf(part, 'brick:Valve')) return part;
  if (coil !== undefined) return coil;
  if (isSubclassOf(part, 'brick:Cooling_Valve')) return 'brick:Cooling_Coil';
  return isSubclassOf(part, 'brick:Heating_Valve') ? 'brick:Heating_Coil' : part;
}

function listCoils(facts: ModelFacts): Map<string, string> {
  const coils = new Map<string, string>();
  for (const { kind, from, to } of facts.links) {
    const fed = facts.entities.get(to)?.class ?? '';
    if (kind === 'feeds' && isSubclassOf(fed, 'brick:Coil')) coils.set(from, fed);
  }
  return coils;
}

const zone = 'brick:HVAC_Zone';

/** The equipment that feeds a place, or a zone that the place is part of. */
function listFeeders(facts: ModelFacts, places: Places): Map<string, ModelEntity[]> {
  const feeders = new Map<string, ModelEntity[]>();
  const isPlace = (id: string) => facts.entities.get(id)?.kind === 'location';
  const add = (location: string, feeder: string) => {
    const entity = facts.entities.get(feeder);
    const known = feeders.get(location) ?? [];
    if (entity?.kind === 'equipment' && !known.includes(entity)) feeders.set(location, [...known, entity]);
  };
  for (const { kind, from, to } of facts.links) if (kind === 'feeds' && isPlace(to)) add(to, from);
  const zones = facts.links.filter(({ kind, from, to }) => kind === 'isPartOf' && isPlace(from) && isZone(facts, to));
  for (const { from, to } of zones) for (const feeder of feeders.get(to) ?? []) add(from, feeder.id);
  for (const [id, location] of places.locations) if (isTerminal(facts.entities.get(id))) add(location, id);
  return feeders;
}

function isZone(facts: ModelFacts, id: string): boolean {
  return isSubclassOf(facts.entities.get(id)?.class ?? '', 'brick:Zone');
}

function isTerminal(entity: ModelEntity | undefined): boolean {
  return entity !== undefined && isSubclassOf(entity.class ?? '', 'brick:Terminal_Unit');
}

/** The one terminal that conditions a place; a box or a fan coil before a radiator, and an air handler where there is no terminal. */
function onlyTerminal(feeders: readonly ModelEntity[]): ModelEntity | undefined {
  const ofClass = (...names: string[]) =>
    feeders.filter(({ class: name }) => names.some((one) => isSubclassOf(name ?? '', `brick:${one}`)));
  const groups = [
    ofClass('Variable_Air_Volume_Box', 'Constant_Air_Volume_Box', 'Fan_Coil_Unit'),
    ofClass('Terminal_Unit'),
    ofClass('Air_Handling_Unit'),
  ];
  const group = groups.find(({ length }) => length > 0);
  return group?.length === 1 ? group[0] : undefined;
}

function nameOf({ names, id }: ModelEntity): string {
  return names[0] ?? id;
}
