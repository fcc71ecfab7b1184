import type { ASTNode } from '@marcbachmann/cel-js';
import { findDurationMs, formatDuration } from './durations.ts';
import { childrenOf, type Expression, type Ring, type WindowTable, windowSlot } from './expression.ts';
import { findTicks, type Lowering, notMultiple, poison, poisonTruth, recover, refuse } from './lowering.ts';
import { windowUnit } from './unit-arithmetic.ts';
import { usageOf, type WindowName, windowFunctions, windowMsMax, windowsMax } from './vocabulary.ts';

/**
 * A window call, `avg(sat, '5m')`: its argument is fed into a ring once per evaluated tick, its result is a slot. The span is a
 * literal duration, a multiple of the rule's `every`, at most 31 days; windows do not nest. Equal arguments share their ring.
 */
export function lowerWindow(
  node: ASTNode,
  name: WindowName,
  operands: ASTNode[],
  lowering: Lowering,
  lower: (node: ASTNode, lowering: Lowering) => Expression,
): Expression {
  const { scope } = lowering;
  if (lowering.insideWindow) return refuse(node, 'nested_window', `${name}(): a window cannot look at another window`);
  const [argumentNode, spanNode] = operands;
  if (!argumentNode || !spanNode || operands.length > 2)
    return refuse(node, 'no_matching_overload', `${name}() takes a value and a duration`, usageOf(name));
  const argument = lower(argumentNode, { ...lowering, insideWindow: true });
  const ticks = recover(lowering, () => readTicks(spanNode, scope.everyMs));
  const { of, gives } = windowFunctions[name];
  if (argument === poison || typeof ticks !== 'number') return gives === 'truth' ? poisonTruth : poison;
  if (of !== 'any' && argument.type !== of) {
    const found = argument.type === 'truth' ? 'true or false' : 'a number';
    return refuse(node, 'no_matching_overload', `${name}() cannot look at ${found}`, usageOf(name));
  }
  if (containsWindow(argument))
    return refuse(node, 'nested_window', `${name}(): a window cannot look at another window`);
  const rememberedBefore = countRemembered(scope.table);
  const slot = windowSlot(scope.table, ringOf(name, argument, ticks), {
    name,
    ticks,
    hours: (ticks * scope.everyMs) / 3_600_000,
  });
  // Told of the first one too many, and of no other.
  if (scope.table.windows.length === windowsMax + 1)
    refuse(node, 'limit_exceeded', `more than ${windowsMax} windows in one rule`);
  const remembered = countRemembered(scope.table);
  if (remembered > scope.rememberedTicksMax && rememberedBefore <= scope.rememberedTicksMax) {
    const message = `with this the windows of the rule remember ${remembered} ticks, and may remember ${scope.rememberedTicksMax}`;
    refuse(node, 'limit_exceeded', message, 'make every longer, or the windows shorter');
  }
  if (gives === 'truth' || (gives === 'same' && argument.type === 'truth'))
    return { type: 'truth', op: 'window', slot };
  const unit = argument.type === 'number' ? argument.unit : null;
  return { type: 'number', op: 'window', slot, unit: windowUnit(name, unit) };
}

function readTicks(node: ASTNode, everyMs: number): number {
  const text = node.op === 'value' && typeof node.args === 'string' ? node.args : undefined;
  const spanMs = text === undefined ? undefined : findDurationMs(text);
  if (spanMs === undefined || spanMs <= 0)
    return refuse(node, 'invalid_duration', "a window's span is a literal such as '5m'");
  if (spanMs > windowMsMax)
    return refuse(node, 'limit_exceeded', `a window spans at most ${formatDuration(windowMsMax)}`);
  return findTicks(spanMs, everyMs) ?? refuse(node, 'not_a_multiple', notMultiple(spanMs, everyMs));
}

function countRemembered({ rings }: WindowTable): number {
  return rings.reduce((sum, { ticks }) => sum + ticks, 0);
}

function ringOf(name: WindowName, argument: Expression, ticks: number): Ring {
  const isPlainInput = argument.op === 'input';
  const extreme =
    name === 'lowest' && isPlainInput ? 'least' : name === 'highest' && isPlainInput ? 'greatest' : 'none';
  return { argument, extreme, ticks };
}

function containsWindow(expression: Expression): boolean {
  return expression.op === 'window' || childrenOf(expression).some(containsWindow);
}
