import { differenceUnit, findUnit, type Unit } from '../../assets/units.ts';
import type { Arithmetic } from './expression.ts';
import type { WindowName } from './vocabulary.ts';

/**
 * Units through an expression. Numbers are compared and added as they stand, so both sides must be in the same unit, not just
 * of the same dimension; null is a number without a unit, which goes with anything.
 *
 *   temperature - temperature = difference      temperature +- difference = temperature
 *   difference +- difference  = difference      temperature + temperature is an error
 */
export type UnitResult = { unit: string | null } | { problem: string };

/** The unit of `left operator right`. Products and quotients are not followed: they give a number without a unit. */
export function combineUnits(operator: Arithmetic, left: string | null, right: string | null): UnitResult {
  switch (operator) {
    case '*':
      return { unit: null };
    case '/':
      return { unit: null };
    case '+':
    case '-':
      return left === null || right === null ? { unit: left ?? right } : addUnits(operator, unit(left), unit(right));
  }
}

/** What is wrong with comparing, choosing between or taking the least of these units; undefined when they agree. */
export function findUnitConflict(units: (string | null)[]): string | undefined {
  const known = units.filter((id) => id !== null);
  const other = known.find((id) => !isSameScale(unit(id), unit(known[0] as string)));
  return other === undefined ? undefined : `${known[0]} and ${other} are different units`;
}

/** The unit that a window function gives for an argument in `id`. */
export function windowUnit(name: WindowName, id: string | null): string | null {
  switch (name) {
    case 'avg':
    case 'lowest':
    case 'highest':
    case 'ago':
    case 'held':
      return id;
    case 'stddev':
    case 'delta':
      return id === null ? null : differenceUnit(unit(id)).id;
    case 'duty':
      return 'fraction';
    case 'rate':
    case 'starts':
    case 'changes':
    case 'reversals':
      return null;
  }
}

function addUnits(operator: '+' | '-', left: Unit, right: Unit): UnitResult {
  if (left.dimension === 'temperature' && isSameScale(differenceUnit(left), right)) return { unit: left.id };
  if (operator === '+' && right.dimension === 'temperature' && isSameScale(differenceUnit(right), left))
    return { unit: right.id };
  if (!isSameScale(left, right)) return { problem: `${left.id} ${operator} ${right.id}: ${reason(left, right)}` };
  if (left.dimension !== 'temperature') return { unit: left.id };
  if (operator === '-') return { unit: differenceUnit(left).id };
  return { problem: `${left.id} + ${right.id}: two temperatures cannot be added; a difference is delta_${left.id}` };
}

function reason(left: Unit, right: Unit): string {
  return left.dimension === right.dimension
    ? 'give both inputs one unit'
    : `${left.dimension} and ${right.dimension} do not mix`;
}

function isSameScale(a: Unit, b: Unit): boolean {
  return a.dimension === b.dimension && a.scale === b.scale && a.offset === b.offset;
}

function unit(id: string): Unit {
  return findUnit(id) as Unit;
}
