/**
 * The relations between assets: what is part of what, and what feeds what. Rules read them as "upstream", so they must lead
 * one way: what a coil feeds back to its plant is left out, and of things that feed each other in a circle none is upstream.
 */
import { isSubclassOf } from '../brick-classes.ts';
import type { FindingList, ImportRelation, ModelFacts } from './building-model.ts';
import { localName } from './turtle.ts';

/** Relations between assets. `unitOf` gives the unit that a part belongs to: what feeds a coil feeds its air handler. */
export function listRelations(
  facts: ModelFacts,
  {
    parents,
    unitOf,
    findings,
  }: { parents: ReadonlyMap<string, string>; unitOf: (id: string) => string; findings: FindingList },
): ImportRelation[] {
  const isEquipment = (id: string) => facts.entities.get(id)?.kind === 'equipment';
  const feeds = new Map<string, ImportRelation>();
  for (const { kind, from, to } of facts.links) {
    if (kind !== 'feeds' || !isEquipment(from) || !isEquipment(to)) continue;
    const [source, target] = [unitOf(from), unitOf(to)];
    if (source === target) continue;
    if (isReturn(facts, source, target)) {
      findings.add(
        'return_flow',
        'feeds the plant that feeds it; left out, since it says nothing of what is upstream',
        `${localName(source)} feeds ${localName(target)}`,
      );
    } else feeds.set(`${source}\n${target}`, { from: source, kind: 'feeds', to: target });
  }
  const circles = findCircles([...feeds.values()]);
  const forward = [...feeds.values()].filter(({ from, to }) => {
    const isCircle = circles.get(from) === circles.get(to);
    if (isCircle)
      findings.add(
        'circle_of_feeds',
        'feeds itself by way of others; left out, since neither is upstream',
        `${localName(from)} feeds ${localName(to)}`,
      );
    return !isCircle;
  });
  const parts = [...parents]
    .filter(([part, whole]) => isEquipment(part) && isEquipment(whole))
    .map(([part, whole]): ImportRelation => ({ from: part, kind: 'isPartOf', to: whole }));
  return [...forward, ...parts];
}

const plant = [
  'Chiller',
  'Boiler',
  'Cooling_Tower',
  'Water_Pump',
  'Chilled_Water_System',
  'Hot_Water_System',
  'Condensing_Unit',
];
const users = ['Air_Handling_Unit', 'Terminal_Unit', 'Coil', 'Valve'];

function isReturn(facts: ModelFacts, from: string, to: string): boolean {
  const is = (id: string, names: string[]) =>
    names.some((name) => isSubclassOf(facts.entities.get(id)?.class ?? '', `brick:${name}`));
  return is(from, users) && is(to, plant);
}

/** Numbers for ids, the same for those that reach each other (the strongly connected components, found without recursion). */
function findCircles(relations: readonly ImportRelation[]): Map<string, number> {
  const forth = Map.groupBy(relations, ({ from }) => from);
  const back = Map.groupBy(relations, ({ to }) => to);
  const ids = [...new Set(relations.flatMap(({ from, to }) => [from, to]))];
  const order = finishOrder(ids, (id) => (forth.get(id) ?? []).map(({ to }) => to));
  const numbers = new Map<string, number>();
  for (const [number, start] of order.reverse().entries()) {
    const rest = numbers.has(start) ? [] : [start];
    for (let id = rest.pop(); id !== undefined; id = rest.pop()) {
      if (numbers.has(id)) continue;
      numbers.set(id, number);
      for (const { from } of back.get(id) ?? []) if (!numbers.has(from)) rest.push(from);
    }
  }
  return numbers;
}

/** Ids in the order in which a walk in depth leaves them for good. */
function finishOrder(ids: readonly string[], next: (id: string) => string[]): string[] {
  const seen = new Set<string>();
  const order: string[] = [];
  for (const start of ids) {
    if (seen.has(start)) continue;
    seen.add(start);
    const stack = [{ id: start, rest: next(start) }];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const below = top.rest.pop();
      if (below === undefined) {
        order.push(top.id);
        stack.pop();
      } else if (!seen.has(below)) {
        seen.add(below);
        stack.push({ id: below, rest: next(below) });
      }
    }
  }
  return order;
}
