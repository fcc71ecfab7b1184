import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Plant, plants, toPlant } from '../../../tests/support/random-plant.ts';
import type { Effect } from './effect.ts';
import { createEvaluation, type Evaluation } from './evaluation.ts';
import { createRandom, type RuleReading, replay } from './replay.ts';

/**
 * The invariant: a live run has the effects of one back-test over the same readings, however its batches are cut, its readings
 * shuffled, doubled and late, its process restarted with nothing but the stored machines and the run-up from history.
 */
test('a live run has the effects of one back-test over the same readings', () => {
  fc.assert(
    fc.property(plants, (random) => {
      const plant = toPlant(random);
      const wanted = inOrder(replay(plant));
      expect(inOrder(live(plant, createRandom(random.seed), 0))).toEqual(wanted);
      expect(inOrder(replay(plant, { kind: 'cut', random: createRandom(random.seed) }))).toEqual(wanted);
      expect(inOrder(replay(plant, { kind: 'shuffled', random: createRandom(random.seed) }))).toEqual(wanted);
    }),
    { numRuns: 150 },
  );
});

test('readings that come after their tick closed leave nothing behind once they are made good', () => {
  fc.assert(
    fc.property(plants, (random) => {
      const plant = toPlant(random);
      expect(inOrder(live(plant, createRandom(random.seed), 0.15))).toEqual(inOrder(replay(plant)));
    }),
    { numRuns: 150 },
  );
});

test('the plants of the invariant bring about every kind of effect of a rule', () => {
  const seen = new Set<string>();
  for (const random of fc.sample(plants, { numRuns: 120, seed: 1 })) {
    for (const effect of replay(toPlant(random))) {
      seen.add(effect.kind);
      if (effect.ruleId === 'data-missing' && 'evidence' in effect) {
        for (const { name } of effect.evidence) seen.add(name.startsWith('point ') ? 'silent' : 'unjudged');
        if (effect.assetId === 'd') seen.add('apart');
      }
      if (effect.ruleId === 'data-missing' && effect.kind === 'resolved') seen.add('heard');
      if (effect.kind === 'flagged' && effect.suppressedBy !== null) seen.add('suppressed');
      if (effect.kind === 'flagged' && effect.flapping) seen.add('flapping');
      if (effect.kind === 'reopened' && effect.flapping) seen.add('flapping');
    }
  }
  const kinds = 'pending pending-cleared opened reopened resolved flagged data-missing data-returned work-order-due';
  expect(
    `${kinds} suppressed flapping silent unjudged apart heard`.split(' ').filter((kind) => !seen.has(kind)),
  ).toEqual([]);
});

/**
 * Random batches of ticks; what has arrived for a whole batch is handed over at once, shuffled and doubled; now and then only the
 * stored machines survive. A reading for a tick that is closed sends the run back to the machines stored before that tick.
 */
function live(plant: Plant, random: () => number, lateShare: number): Effect[] {
  const told = new Map<number, Effect[]>();
  const stored = new Map<number, string>();
  const arrived: RuleReading[] = [];
  let evaluation = createEvaluation(plant);
  const { everyMs } = evaluation;
  if (!Number.isFinite(everyMs)) return [];
  const firstMs = Math.ceil(plant.fromMs / everyMs) * everyMs;
  let doneMs = firstMs - everyMs;
  const arrivals = plant.readings
    .map((reading) => ({ reading, atMs: reading.at + (random() < lateShare ? random() * 25 * everyMs : 0) }))
    .sort((one, other) => one.atMs - other.atMs);
  while (doneMs < plant.toMs || arrivals.length > 0) {
    const endMs = Math.min(lastTick(plant.toMs), doneMs + Math.floor(random() * 5) * everyMs);
    const isOver = doneMs >= lastTick(plant.toMs);
    const batch = arrivals.splice(0, isOver ? arrivals.length : arrivals.filter(({ atMs }) => atMs <= endMs).length);
    arrived.push(...batch.map(({ reading }) => reading));
    const leastMs = Math.min(...batch.map(({ reading }) => reading.at));
    if (leastMs <= doneMs) goOn(lastTick(leastMs - 1), Math.max(doneMs, endMs), arrived);
    else if (random() < 0.3) goOn(doneMs, endMs, arrived);
    else {
      const readings = batch.map(({ reading }) => reading);
      tickThrough(endMs, [...readings, ...readings.filter(() => random() < 0.2)]);
    }
    if (isOver) break;
  }
  return [...told].sort(([one], [other]) => one - other).flatMap(([, effects]) => effects);

  function lastTick(tMs: number): number {
    return Math.floor(tMs / everyMs) * everyMs;
  }

  /** As after a restart: the machines as stored at `fromMs`, the inputs from the readings of the run-up and none before. */
  function goOn(fromMs: number, endMs: number, readings: RuleReading[]): void {
    evaluation = createEvaluation({ ...plant, machines: JSON.parse(stored.get(fromMs) ?? '[]') });
    const warmFromMs = fromMs - evaluation.warmupMs;
    observe(
      evaluation,
      readings.filter(({ at }) => at > warmFromMs && at <= fromMs),
    );
    for (let tMs = lastTick(warmFromMs); tMs <= fromMs; tMs += everyMs) if (tMs > warmFromMs) evaluation.warm(tMs);
    doneMs = Math.max(fromMs, firstMs - everyMs);
    tickThrough(
      endMs,
      readings.filter(({ at }) => at > fromMs && at <= endMs),
    );
  }

  function tickThrough(endMs: number, readings: RuleReading[]): void {
    observe(
      evaluation,
      readings.sort(() => random() - 0.5),
    );
    for (let tMs = doneMs + everyMs; tMs <= endMs; tMs += everyMs) {
      told.set(tMs, evaluation.tick(tMs));
      stored.set(tMs, JSON.stringify(evaluation.machines()));
      doneMs = tMs;
    }
  }
}

/** Effects of one tick in the order of rules and assets, those of one machine as they happened. */
function inOrder(effects: Effect[]): Effect[] {
  const place = ({ at, ruleId, assetId }: Effect) => `${at} ${ruleId} ${assetId}`;
  return effects.toSorted((one, other) => place(one).localeCompare(place(other)));
}

function observe(evaluation: Evaluation, readings: RuleReading[]): void {
  for (const { point, at, value, quality } of readings) {
    for (const index of evaluation.pointIndexes(point)) evaluation.observe(index, at, value, quality);
  }
}
