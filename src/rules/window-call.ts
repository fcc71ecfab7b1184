import type { ASTNode } from '@marcbachmann/cel-js';
import { findDurationMs, formatDuration } from './durations.ts';
import { type Expression, type Ring, windowSlot } from './expression.ts';
import { findTicks, type Lowering, notMultiple, refuse } from './lowering.ts';
import { windowUnit } from './unit-arithmetic.ts';
import { type WindowName, windowFunctions, windowMsMax, windowsMax } from './vocabulary.ts';

/**
 * A window call, `avg(sat, '5m')`: its argument is fed into a ring once per evaluated tick, its result is a slot. The span is a
 * literal duration, a multiple of the rule's `every`, at most 31 days; windows do not nest.
 */
export function lowerWindow(
  node: ASTNode,
  name: string,
  operands: ASTNode[],
  lowering: Lowering,
  lower: (node: ASTNode, lowering: Lowering) => Expression,
): Expression {
  const { scope } = lowering;
  if (!Object.hasOwn(windowFunctions, name)) return refuse(node, 'unknown_function', `Unknown function: ${name}`);
  if (scope.windows !== 'allowed') return refuse(node, 'not_supported', scope.windows);
  if (lowering.insideWindow) return refuse(node, 'nested_window', `${name}(): a window cannot look at another window`);
  const spanMs = readSpanMs(operands[1] as ASTNode);
  const ticks = findTicks(spanMs, scope.everyMs);
  if (ticks === undefined) return refuse(operands[1] as ASTNode, 'not_a_multiple', notMultiple(spanMs, scope.everyMs));
  const argument = lower(operands[0] as ASTNode, { ...lowering, insideWindow: true });
  if (containsWindow(argument))
    return refuse(node, 'nested_window', `${name}(): a window cannot look at another window`);
  const slot = windowSlot(scope.table, ringOf(name as WindowName, argument, ticks), {
    name: name as WindowName,
    ticks,
    hours: spanMs / 3_600_000,
  });
  if (scope.table.windows.length > windowsMax)
    refuse(node, 'limit_exceeded', `more than ${windowsMax} windows in one rule`);
  const { gives } = windowFunctions[name as WindowName];
  if (gives === 'truth' || (gives === 'same' && argument.type === 'truth'))
    return { type: 'truth', op: 'window', slot };
  const unit = argument.type === 'number' ? argument.unit : null;
  return { type: 'number', op: 'window', slot, unit: windowUnit(name as WindowName, unit) };
}

function readSpanMs(node: ASTNode): number {
  const text = node.op === 'value' && typeof node.args === 'string' ? node.args : undefined;
  const spanMs = text === undefined ? undefined : findDurationMs(text);
  if (spanMs === undefined || spanMs <= 0)
    return refuse(node, 'invalid_duration', "a window's span is a literal such as '5m'");
  if (spanMs > windowMsMax)
    return refuse(node, 'limit_exceeded', `a window spans at most ${formatDuration(windowMsMax)}`);
  return spanMs;
}

function ringOf(name: WindowName, argument: Expression, ticks: number): Ring {
  const isPlainInput = argument.op === 'input';
  const extreme =
    name === 'lowest' && isPlainInput ? 'least' : name === 'highest' && isPlainInput ? 'greatest' : 'none';
  return { argument, extreme, ticks };
}

function containsWindow(expression: Expression): boolean {
  return JSON.stringify(expression).includes('"op":"window"');
}
