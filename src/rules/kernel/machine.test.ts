import { describe, expect, test } from 'vitest';
import { isFalse, isTrue, isUnknown } from '../language/truth.ts';
import { type Machine, type MachineSpec, normalMachine, step } from './machine.ts';

const minuteMs = 60_000;
const spec: MachineSpec = {
  timing: {
    everyMs: minuteMs,
    forMs: 2 * minuteMs,
    clearForMs: 2 * minuteMs,
    gapMsMax: 3 * minuteMs,
    noDataAfterMs: 4 * minuteMs,
    reopenWithinMs: 10 * minuteMs,
    flappingWithinMs: 24 * minuteMs,
    flappingClearForMs: 5 * minuteMs,
  },
  workOrderAfterMs: null,
};
const atOnce = { ...spec, timing: { ...spec.timing, forMs: 0, clearForMs: 0 } };

// T, F, U: the condition, clear being its opposite; D dead band; K clear unknown; B both true; s, S, c: suspended, with neither
// true, with the condition true, with clear true; u suspended and both unknown.
describe('the states of a machine, one letter a tick', () => {
  test.each([
    ['TTT', 'ppf', 'fires once the condition has held for the time'],
    ['TTFTTT', 'ppnppf', 'a false tick while pending starts the wait again'],
    ['TUTT', 'pppf', 'unknown pauses the wait'],
    ['TUUTUUT', 'ppppppf', 'a gap is counted anew after each true tick'],
    ['TUUU', 'pppn', 'a gap that is too long ends the wait'],
    ['TsT', 'pnp', 'suspension ends the wait'],
    ['TST', 'pnp', 'also while the condition is true'],
    ['ssSS', 'nnnn', 'nothing begins while suspended'],
    ['TTTsssF', 'ppffffc', 'a suspended machine that fires is frozen'],
    ['TTTccF', 'ppfffc', 'whatever clear says meanwhile'],
    ['TTTBB', 'ppfff', 'a condition that is true wins over a clear that is true as well'],
    ['TTTUUU', 'ppffff', 'unknown never ends a fault'],
    ['TTTDDD', 'ppffff', 'the dead band never ends a fault'],
    ['TTTFFF', 'ppfccn', 'clears once the clearing has held for the time'],
    ['TTTFTFFF', 'ppfcfccn', 'a true tick while clearing takes it back'],
    ['TTTFDFFF', 'ppfcfccn', 'so does the dead band'],
    ['TTTFKKFF', 'ppfccccn', 'unknown pauses the clearing'],
    ['TTTFssFF', 'ppfccccn', 'suspension freezes the clearing'],
    ['TTTFScFF', 'ppfccccn', 'in either direction'],
  ])('%s → %s: %s', (ticks, states) => expect(play(spec, ticks).states).toBe(states));

  test('without waits it fires and clears at once', () => expect(play(atOnce, 'TFTUF').states).toBe('fnffn'));
});

describe('what is told', () => {
  test.each([
    ['TTTFFF', '0 pending, 2 opened, 5 resolved', 'one episode'],
    ['TF', '0 pending, 1 pending-cleared', 'a wait that came to nothing'],
    ['TTTUT', '0 pending, 2 opened, 3 flagged, 4 flagged', 'stale and fresh again'],
    ['TTTUUUUU', '0 pending, 2 opened, 3 flagged, 7 data-missing', 'unknown for too long is told once'],
    ['TTTUUUUUT', '0 pending, 2 opened, 3 flagged, 7 data-missing, 8 flagged, 8 data-returned', 'and so is the return'],
    ['TTTFFFTTT', '0 pending, 2 opened, 5 resolved, 6 pending, 8 reopened', 'a return soon after reopens the insight'],
    [
      'TTTFFFFFFFFFFFFFTTT',
      '0 pending, 2 opened, 5 resolved, 16 pending, 18 opened',
      'a return later is another insight',
    ],
  ])('%s: %s: %s', (ticks, events) => expect(play(spec, ticks).events).toBe(events));

  test.each([
    ['TTTKDT', '0 pending, 2 opened, 3 flagged, 4 flagged', 'an unknown clear is stale too'],
    ['TTTUSSU', '0 pending, 2 opened, 3 flagged', 'what is stale stays so while suspended'],
    ['TTTUssssU', '0 pending, 2 opened, 3 flagged', 'data that come back while suspended are not missing'],
    ['TTTUssssssssU', '0 pending, 2 opened, 3 flagged', 'however long that lasts'],
    ['TTTUuuuuT', '0 pending, 2 opened, 3 flagged, 8 flagged', 'nothing is told to be missing while suspended'],
    ['TTTUuuuuU', '0 pending, 2 opened, 3 flagged, 8 data-missing', 'but afterwards, where nothing came meanwhile'],
    [
      'TTTUUUUUssT',
      '0 pending, 2 opened, 3 flagged, 7 data-missing, 10 flagged, 10 data-returned',
      'what is missing stays so while suspended',
    ],
    ['TTTFKcF', '0 pending, 2 opened, 4 flagged, 6 flagged', 'also while it clears'],
    [
      'TTTUFFFTTT',
      '0 pending, 2 opened, 3 flagged, 4 flagged, 6 resolved, 7 pending, 9 reopened',
      'and not beyond its end',
    ],
  ])('%s: %s: %s', (ticks, events) => expect(play(spec, ticks).events).toBe(events));

  test.each([
    [15, 'reopened'],
    [16, 'opened'],
  ])('an insight that ended at 5 and fires again at %i is %s when returns within 10 count', (at, kind) => {
    expect(play(atOnce, `TTTTTF${'F'.repeat(at - 6)}T`).events).toBe(`0 opened, 5 resolved, ${at} ${kind}`);
  });

  test('identity, start and episodes live through a reopening', () => {
    const { machine } = play(spec, 'TTTFFFTTT');
    expect(machine.insight).toMatchObject({ startedAt: 0, openedAt: 2 * minuteMs, episodes: 2, endedAt: null });
  });

  test('a return to the condition while clearing is counted', () => {
    expect(play(spec, 'TTTFTFT').machine.insight).toMatchObject({ episodes: 1, reasserts: 2 });
  });

  test('what can no longer reopen is forgotten', () => {
    expect(play(spec, `TTTFFF${'F'.repeat(11)}`).machine).toEqual(normalMachine);
  });
});

describe('flapping', () => {
  test('the fourth episode marks it, and it then clears no sooner than the longer time', () => {
    const { machine, events } = play(atOnce, 'TFTFTFTFFFFFF');
    expect(events).toContain('6 reopened');
    expect(events).toContain('12 resolved');
    expect(machine.insight?.episodes).toBe(4);
  });

  test('it clears no sooner than its own time either', () => {
    const slow = { ...atOnce, timing: { ...atOnce.timing, clearForMs: 2 * minuteMs, flappingClearForMs: minuteMs } };
    expect(play(slow, 'TFFFTFFFTFFFTFFF').events).toContain('12 reopened, 15 resolved');
  });

  test('three episodes are not flapping', () => expect(play(atOnce, 'TFTFTF').states).toBe('fnfnfn'));

  test('the mark goes when the fourth last episode is a day old', () => {
    const { events, machine } = play(atOnce, `TFTFTF${'T'.repeat(30)}`);
    expect(machine.insight?.flapping).toBe(false);
    expect(events).toBe('0 opened, 1 resolved, 2 reopened, 3 resolved, 4 reopened, 5 resolved, 6 reopened, 25 flagged');
  });
});

describe('work orders (wait of 3 minutes; ^ before a tick: suppressed)', () => {
  const asking = { ...atOnce, workOrderAfterMs: 3 * minuteMs };
  test.each([
    ['TTTTT', '3 work-order-due', 'asked for once, when the wait is over'],
    ['TTTF', '', 'not for a fault that ended before'],
    ['T^T^T^T^T', '', 'not while suppressed when it is due'],
    ['^T^TTTTTT', '5 work-order-due', 'when suppression ends, the wait begins again'],
    ['T^TTTTTT', '5 work-order-due', 'also after a suppression that came and went'],
    ['T^TT^TTTTT', '7 work-order-due', 'and begins again with the last of several'],
    ['TTTT^TTTTT', '3 work-order-due', 'a later suppression takes nothing back'],
    ['TTTTFTTTTT', '3 work-order-due', 'none for the second episode of one insight'],
    ['TTFTTTT', '3 work-order-due', 'the wait counts from the opening of the insight, through its episodes'],
    ['TTTsT', '4 work-order-due', 'a suspended machine waits with it'],
    ['TTTUU', '3 work-order-due', 'missing data does not hold it back'],
  ])('%s → %s: %s', (ticks, wanted) => {
    expect(
      play(asking, ticks)
        .events.split(', ')
        .filter((event) => event.endsWith('due'))
        .join(', '),
    ).toBe(wanted);
  });
});

test('the wait for a work order counts from the opening, not from when the condition became true', () => {
  expect(play({ ...spec, workOrderAfterMs: 3 * minuteMs }, 'TTTTTTT').events).toBe(
    '0 pending, 2 opened, 5 work-order-due',
  );
});

function play(machineSpec: MachineSpec, ticks: string): { states: string; events: string; machine: Machine } {
  let machine = normalMachine;
  let states = '';
  const told: string[] = [];
  [...ticks.matchAll(/(\^?)(.)/g)].forEach(([, suppressed, letter], index) => {
    const condition = /[TSB]/.test(letter ?? '') ? isTrue : /[Uu]/.test(letter ?? '') ? isUnknown : isFalse;
    const clearing = /[FcB]/.test(letter ?? '') ? isTrue : /[UuK]/.test(letter ?? '') ? isUnknown : isFalse;
    const seen = {
      at: index * minuteMs,
      condition,
      clearing,
      isSuspended: /[sScu]/.test(letter ?? ''),
      suppressedBy: suppressed ? 'root' : null,
    } as const;
    const result = step(machineSpec, JSON.parse(JSON.stringify(machine)), seen);
    machine = result.machine;
    states += machine.state.charAt(0);
    told.push(...result.events.map(({ kind }) => `${index} ${kind}`));
  });
  return { states, events: told.join(', '), machine };
}
