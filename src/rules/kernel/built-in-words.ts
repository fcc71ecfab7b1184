/** What the built-in insights say; see built-in.ts. */
import { builtInIds } from '../language/rule.ts';
import type { Finding } from './effect.ts';
import type { InsightMemory, Machine } from './machine.ts';
import type { WatchedPoint } from './point-watch.ts';

export type BuiltInId = (typeof builtInIds)[number];

/** A rule or a point that a built-in insight is about, and what is told of it. */
export type Concerned = { what: string; told: string; sinceMs: number; isShadow: boolean };

/** Before the name of a point; no id of a rule has a space. */
const pointMark = 'point ';
const pointsShownMax = 50;
const pointsNamedMax = 5;

/** What a built-in insight showed when its machine was as it is remembered; undefined for insights of rules. */
export function shownBuiltIn(ruleId: string, { concerned }: InsightMemory): Omit<Finding, 'isShadow'> | undefined {
  const id = builtInIds.find((one) => one === ruleId);
  return (
    id &&
    findingOf(
      id,
      Object.entries(concerned ?? {}).map(([what, told]) => ({ what, told, ...unknown })),
    )
  );
}

const unknown = { sinceMs: 0, isShadow: false };

/** What an insight of this id shows that is about these. */
export function findingOf(id: BuiltInId, concerned: readonly Concerned[]): Finding {
  const points = concerned.filter(({ what }) => isPoint(what));
  const rules = concerned.filter(({ what }) => !isPoint(what));
  const said: string[] = [];
  if (rules.length > 0) {
    const told = rules.map((one) => `${one.what}: ${one.told}`).join('; ');
    const count = countOf(rules.length, 'rule');
    said.push(id === 'data-missing' ? `Open faults of ${count} lack data: ${told}` : `${count} cannot run: ${told}`);
  }
  if (points.length > 0) said.push(`Points have stopped reporting: ${tellPoints(points)}`);
  return {
    ...words[id],
    ...(points.length > 0 && silent),
    message: said.join('. '),
    evidence: concerned.map(({ what, told }) => ({ name: what, value: told, unit: null })),
    costPerHour: null,
    isShadow: concerned.every(({ isShadow }) => isShadow),
  };
}

/** Overdue points as what an insight is about, those beyond the first few as a number. */
export function pointsConcerned(overdue: readonly WatchedPoint[], tMs: number): Concerned[] {
  const shown = overdue.slice(0, pointsShownMax).map(({ name, intervalMs, spanMs }) => ({
    what: `${pointMark}${name}`,
    // Nothing that only a longer memory than the run-up knows, such as when its last good reading was.
    told: `no good reading for more than 3 x ${intervalMs / 1_000} s`,
    sinceMs: tMs - spanMs,
    isShadow: false,
  }));
  const left = overdue.slice(pointsShownMax);
  if (left.length === 0) return shown;
  const sinceMs = Math.min(...left.map(({ spanMs }) => tMs - spanMs));
  return [...shown, { what: `${pointMark}…`, told: `and ${left.length} more`, sinceMs, isShadow: false }];
}

/** The points that an open insight is about. */
export function pointsRemembered(machine: Machine | undefined, tMs: number): Concerned[] {
  const concerned = machine?.state === 'firing' ? (machine.insight?.concerned ?? {}) : {};
  return Object.entries(concerned).flatMap(([what, told]) =>
    isPoint(what) ? [{ what, told, sinceMs: tMs, isShadow: false }] : [],
  );
}

function isPoint(what: string): boolean {
  return what.startsWith(pointMark);
}

function countOf(count: number, noun: string): string {
  return `${count} ${count === 1 ? noun : `${noun}s`}`;
}

function tellPoints(points: readonly Concerned[]): string {
  const names = points.slice(0, pointsNamedMax).map(({ what }) => what.slice(pointMark.length));
  const left = points.length - names.length;
  return `${names.join(', ')}${left > 0 ? ` and ${left} more` : ''}`;
}

const words: Record<BuiltInId, Pick<Finding, 'severity' | 'category' | 'title' | 'causes' | 'actions'>> = {
  'data-missing': {
    severity: 'warning',
    category: 'maintenance',
    title: 'Data missing while a fault is open',
    causes: [
      'A sensor, its controller or the gateway is without power or out of the network',
      'A point was renamed, or its device no longer sends it',
      'Readings come marked as bad, or lie outside what the rule takes as valid',
    ],
    actions: [
      'Look at when the points of the rules named as evidence reported last',
      'Look through the quarantine for messages of this equipment',
      'Inspect the device; the fault may still be there',
    ],
  },
  'rule-error': {
    severity: 'warning',
    category: 'maintenance',
    title: 'A rule cannot be evaluated',
    causes: ['A setting of the equipment or of its site that the rule cannot work with', 'A mistake in the rule'],
    actions: [
      'Read the error in the evidence and correct the setting or the rule',
      'Switch the rule off here meanwhile',
    ],
  },
};

const silent: Partial<Finding> = {
  title: 'Data missing: points have stopped reporting',
  causes: [
    'A sensor, its controller or the gateway is without power or out of the network',
    'A point was renamed, or its device no longer sends it',
    'Readings come marked as bad',
  ],
  actions: [
    'Look at when the points named as evidence reported last, and at the state of their device',
    'Look through the quarantine for messages of this equipment',
    'Correct the expected interval of a point that reports less often',
  ],
};
