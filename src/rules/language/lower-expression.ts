import type { ASTNode } from '@marcbachmann/cel-js';
import {
  type Arithmetic,
  type Comparison,
  childrenOf,
  type Expression,
  type NumberExpression,
  type TruthExpression,
} from './expression.ts';
import { type Lowering, poison, poisonTruth, recover, refuse } from './lowering.ts';
import { suggest } from './suggestion.ts';
import { combineUnits, findUnitConflict } from './unit-arithmetic.ts';
import {
  expressionNodesMax,
  type FunctionName,
  functions,
  listFunctionNames,
  usageOf,
  type WindowName,
  windowFunctions,
} from './vocabulary.ts';
import { lowerWindow } from './window-call.ts';

/**
 * The checked tree of cel-js as an `Expression`: names become slots, `let` names the expressions they stand for, durations ticks.
 * What CEL has and the rule language has not is refused here, with the range of the offending node. Every problem is collected and
 * lowering goes on; the expression means something only when there are none and nothing in it is poisoned.
 */
export function lowerExpression(node: ASTNode, lowering: Lowering): Expression {
  const expression = lower(node, lowering);
  const nodes = countNodes(expression, expressionNodesMax + 1);
  if (nodes > expressionNodesMax)
    recover(lowering, () =>
      refuse(node, 'limit_exceeded', `more than ${expressionNodesMax} nodes once its names are written out`),
    );
  return expression;
}

function lower(node: ASTNode, lowering: Lowering): Expression {
  return recover(lowering, () => lowerNode(node, lowering));
}

function lowerNode(node: ASTNode, lowering: Lowering): Expression {
  switch (node.op) {
    case 'value':
      return lowerLiteral(node, node.args);
    case 'id':
      return lowerName(node, node.args, lowering);
    case 'call':
      return lowerCall(node, node.args[0], node.args[1], lowering);
    case '!_':
      return { type: 'truth', op: 'not', operand: truth(node.args, lowering) };
    case '-_':
      return negate(number(node.args, lowering));
    case '&&':
    case '||': {
      const [left, right] = node.args;
      return {
        type: 'truth',
        op: 'logic',
        operator: node.op,
        left: truth(left, lowering),
        right: truth(right, lowering),
      };
    }
    case '+':
    case '-':
    case '*':
    case '/':
      return arithmetic(node, node.op, number(node.args[0], lowering), number(node.args[1], lowering), lowering);
    case '==':
    case '!=':
    case '<':
    case '<=':
    case '>':
    case '>=':
      return compare(node, node.op, lower(node.args[0], lowering), lower(node.args[1], lowering), lowering);
    case 'in':
      return among(node, node.args[0], node.args[1], lowering);
    case '?:':
      return choose(node, node.args, lowering);
    case '%':
      return refuse(node, 'no_such_overload', "rules have no '%'", 'rules have no remainder');
    case '.':
    case '.?':
    case '[]':
    case '[?]':
    case 'rcall':
    case 'list':
    case 'map':
      return refuse(node, 'not_in_the_language', `rules have no '${describe(node)}'`);
  }
}

function lowerLiteral(node: ASTNode, value: unknown): Expression {
  if (typeof value === 'boolean') return { type: 'truth', op: 'literal', value };
  if (typeof value === 'bigint')
    return { type: 'number', op: 'literal', value: Number(value), whole: true, unit: null };
  if (typeof value === 'number') return { type: 'number', op: 'literal', value, whole: false, unit: null };
  return refuse(node, 'not_in_the_language', 'a text or null stands where a number or truth is needed');
}

function lowerName(node: ASTNode, name: string, { scope, broken, state }: Lowering): Expression {
  const expression = scope.names.get(name);
  if (expression) return expression;
  if (!broken.has(name))
    return refuse(node, 'unknown_variable', `Unknown variable: ${name}`, suggest(name, scope.names.keys()));
  state.isPoisoned = true;
  return poison;
}

function lowerCall(node: ASTNode, name: string, operands: ASTNode[], lowering: Lowering): Expression {
  if (Object.hasOwn(windowFunctions, name)) return lowerWindow(node, name as WindowName, operands, lowering, lower);
  const isKnown = name === 'known';
  if (!isKnown && !Object.hasOwn(functions, name)) {
    for (const operand of operands)
      if (operand.op !== 'value' || typeof operand.args !== 'string') lower(operand, lowering);
    const help = suggest(name, listFunctionNames()) ?? `there are ${listFunctionNames().join(', ')}`;
    const named = { ...node, end: node.start + name.length } as ASTNode;
    return refuse(named, 'unknown_function', `Unknown function: ${name}`, help);
  }
  const [least, most] = isKnown ? [1, 1] : functions[name as FunctionName].arity;
  if (operands.length < least || operands.length > most) {
    const wanted = least === most ? `${least}` : `${least} to ${most}`;
    const message = `${name}() takes ${wanted} value${most === 1 ? '' : 's'}, not ${operands.length}`;
    return refuse(node, 'no_matching_overload', message, usageOf(name));
  }
  if (isKnown) return { type: 'truth', op: 'known', operand: lower(operands[0] as ASTNode, lowering) };
  const numbers = operands.map((operand) => number(operand, lowering));
  const units = numbers.map(({ unit }) => unit);
  const conflict = findUnitConflict(units);
  if (conflict) addUnitProblem(node, `${name}: ${conflict}`, lowering);
  const unit = name === 'sqrt' ? null : (units.find((id) => id !== null) ?? null);
  return { type: 'number', op: 'function', name: name as FunctionName, operands: numbers, unit };
}

function arithmetic(
  node: ASTNode,
  operator: Arithmetic,
  left: NumberExpression,
  right: NumberExpression,
  lowering: Lowering,
): NumberExpression {
  const whole = isWhole(left) && isWhole(right);
  if (operator === '/' && whole) {
    const help = 'write a decimal point, as in 1.0/2.0';
    lowering.problems.push({
      code: 'integer_division',
      message: 'CEL divides whole numbers without a remainder',
      help,
      start: node.start,
      end: node.end,
    });
  }
  const result = combineUnits(operator, left.unit, right.unit);
  if ('problem' in result) addUnitProblem(node, result.problem, lowering);
  return {
    type: 'number',
    op: 'arithmetic',
    operator,
    left,
    right,
    whole,
    unit: 'unit' in result ? result.unit : null,
  };
}

function negate(operand: NumberExpression): NumberExpression {
  return { type: 'number', op: 'negate', operand, whole: isWhole(operand), unit: operand.unit };
}

function isWhole(expression: NumberExpression): boolean {
  if (expression.op === 'choose') return isWhole(expression.yes) && isWhole(expression.no);
  return 'whole' in expression && expression.whole;
}

function compare(
  node: ASTNode,
  operator: Comparison,
  left: Expression,
  right: Expression,
  lowering: Lowering,
): TruthExpression {
  if (left === poison || right === poison) return poisonTruth;
  if (left.type === 'truth' && right.type === 'truth' && (operator === '==' || operator === '!=')) {
    return { type: 'truth', op: 'same', negated: operator === '!=', left, right };
  }
  if (left.type === 'truth' || right.type === 'truth') {
    const isOrder = operator !== '==' && operator !== '!=';
    const message = isOrder
      ? `truths have no order: '${operator}' compares numbers`
      : `'${operator}' compares two numbers, or true and false with the like, not the one with the other`;
    return refuse(node, 'no_such_overload', message);
  }
  const conflict = findUnitConflict([left.unit, right.unit]);
  if (conflict) addUnitProblem(node, `${operator}: ${conflict}`, lowering);
  return { type: 'truth', op: 'compare', operator, left, right };
}

function among(node: ASTNode, item: ASTNode, list: ASTNode, lowering: Lowering): TruthExpression {
  if (list.op !== 'list') return refuse(list, 'not_in_the_language', "the right side of 'in' is a list in brackets");
  if (list.args.length === 0)
    return refuse(list, 'empty_list', "the list after 'in' is empty", 'write what is looked for, as in [3.0, 4.0]');
  const numbers = list.args.map((element) => number(element, lowering));
  const other = list.args.find(
    (_, index) => !['literal', 'param', 'negate'].includes((numbers[index] as NumberExpression).op),
  );
  if (other) return refuse(other, 'not_in_the_language', "a list after 'in' holds numbers and parameters");
  const searched = number(item, lowering);
  const conflict = findUnitConflict([searched.unit, ...numbers.map(({ unit }) => unit)]);
  if (conflict) addUnitProblem(node, `in: ${conflict}`, lowering);
  return { type: 'truth', op: 'among', item: searched, list: numbers };
}

function choose(node: ASTNode, [test, first, second]: [ASTNode, ASTNode, ASTNode], lowering: Lowering): Expression {
  const condition = truth(test, lowering);
  const yes = lower(first, lowering);
  const no = lower(second, lowering);
  if (yes === poison || no === poison) return yes === poison ? no : yes;
  if (yes.type === 'truth' && no.type === 'truth') return { type: 'truth', op: 'choose', condition, yes, no };
  if (yes.type === 'truth' || no.type === 'truth')
    return refuse(node, 'incompatible_ternary_branches', "both sides of ':' have one type");
  const conflict = findUnitConflict([yes.unit, no.unit]);
  if (conflict) addUnitProblem(node, `?: ${conflict}`, lowering);
  return { type: 'number', op: 'choose', condition, yes, no, unit: yes.unit ?? no.unit };
}

function number(node: ASTNode, lowering: Lowering): NumberExpression {
  const expression = lower(node, lowering);
  if (expression.type === 'number') return expression;
  return recover(lowering, () => refuse(node, 'no_such_overload', 'a number is needed here, this is true or false'));
}

function truth(node: ASTNode, lowering: Lowering): TruthExpression {
  const expression = lower(node, lowering);
  if (expression.type === 'truth') return expression;
  if (expression !== poison)
    recover(lowering, () => refuse(node, 'no_such_overload', 'true or false is needed here, this is a number'));
  return poisonTruth;
}

function addUnitProblem(node: ASTNode, message: string, { problems }: Lowering): void {
  problems.push({ code: 'unit_mismatch', message, start: node.start, end: node.end });
}

/** The nodes of an expression, counted up to `most`: shared names make it exponentially larger than its text. */
function countNodes(expression: Expression, most: number): number {
  let count = 1;
  for (const child of childrenOf(expression)) {
    if (count >= most) return count;
    count += countNodes(child, most - count);
  }
  return count;
}

function describe(node: ASTNode): string {
  switch (node.op) {
    case 'rcall':
      return `.${node.args[0]}()`;
    case 'list':
      return '[...]';
    case 'map':
      return '{...}';
    default:
      return node.op;
  }
}
