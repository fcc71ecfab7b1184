import { compileNumber, compileTruth } from './compile-expression.ts';
import { lookBackTicksOf, planPasses } from './passes.ts';
import type { Rule, RuleFit } from './rule.ts';
import type { ParamFile } from './rule-file.ts';
import { checkAt, fail, type RuleScope } from './rule-scope.ts';

/**
 * The fits of a rule's parameters, in the order in which the file declares them; mistakes become errors of the scope. Called last:
 * their windows come behind those of the rule, in a table of their own, and count towards its limits.
 */
export function buildFits(rule: RuleScope, params: Record<string, ParamFile>): Pick<Rule, 'fits' | 'fitWindows'> {
  const table = structuredClone(rule.table);
  const scope: RuleScope = { ...rule, table, scope: { ...rule.scope, table } };
  const fits = listFits(scope, params);
  const { derived } = rule;
  const fitWindows = { ...table, passes: planPasses(derived, table), lookBackTicks: lookBackTicksOf(derived, table) };
  return { fits, fitWindows };
}

function listFits(scope: RuleScope, params: Record<string, ParamFile>): RuleFit[] {
  return Object.entries(params).flatMap(([param, { fit }]): RuleFit[] => {
    if (!fit) return [];
    const path = ['params', param, 'fit'];
    const of = checkAt(scope, [...path, 'of'], fit.of);
    const where = fit.where === undefined ? null : checkAt(scope, [...path, 'where'], fit.where);
    if (of?.type === 'truth')
      fail(scope, [...path, 'of'], { code: 'not_a_number', message: `${path.join('.')}.of: a number is needed` });
    if (where?.type === 'number')
      fail(scope, [...path, 'where'], {
        code: 'not_a_condition',
        message: `${path.join('.')}.where: a condition is needed`,
      });
    if (of?.type !== 'number' || where === undefined || where?.type === 'number') return [];
    const { quantile, times = 1, plus = 0 } = fit;
    return [{ param, of: compileNumber(of), where: where && compileTruth(where), quantile, times, plus }];
  });
}
