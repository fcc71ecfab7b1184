/**
 * One rule, deployed or only written, over the past of some equipment, with nothing stored:
 *
 *   plan     texts ──▶ rules ──bind──▶ what is missing, which points it reads, how much there is to evaluate
 *   (the caller looks at the size and reads the readings of those points)
 *   run      columns ──back-test──▶ insights on every asset ──watched again──▶ the series behind them, on a few
 *
 * The rules that suppress it, and the equipment upstream, take part, so that what it says is what it would say live. The rule
 * counts as switched on, and its parameters can be set for this run alone.
 */
import type { PointColumn } from '../../telemetry/point-column.ts';
import { bindAll, type MissingInput, type RuleAsset, type RulePoint } from '../kernel/bind.ts';
import { createEvaluation, type Evaluation, type EvaluationInput } from '../kernel/evaluation.ts';
import { upstreamOf, withUpstream } from '../kernel/families.ts';
import { buildRuleSet, type RuleText } from '../language/load-rules.ts';
import { findOverrideProblems, type Override } from '../language/override.ts';
import type { Rule, RuleSet } from '../language/rule.ts';
import type { RuleError } from '../language/rule-error.ts';
import { backTestColumns, collectInsights, type FiredInsight } from './back-test.ts';
import { probeOf } from './probe.ts';
import { listAssetsFor, listPointsRead, withSuppressors } from './take-part.ts';
import { type SeriesOptions, type WatchedSeries, watchSeries } from './watched-series.ts';

export type DryRunRequest = {
  /** The deployed files and their time scale. */
  readonly texts: readonly RuleText[];
  readonly timeScale: number;
  readonly ruleId: string;
  /** The rule's file among them; null for a rule that is not deployed. */
  readonly file: string | null;
  /** The text to run instead of the deployed one. */
  readonly text: string | null;
  readonly params: Readonly<Record<string, number>>;
  readonly assets: readonly { asset: RuleAsset; points: RulePoint[] }[];
  /** Those of the assets that are asked about; the others are there for what they feed. */
  readonly assetIds: readonly string[];
  readonly overrides: readonly Override[];
};

/** What is wrong with a request: in the rule's text, or with a parameter. */
export type DryRunProblem = {
  readonly in: 'text' | 'params';
  readonly path: string;
  readonly code: string;
  readonly message: string;
};

export type DryRunPlan = {
  readonly rule: Pick<Rule, 'id' | 'version' | 'title' | 'assetClass'>;
  /** The points whose readings are needed, the time before the first tick from which on, and how many rows are evaluated each tick. */
  readonly pointIds: readonly string[];
  readonly warmupMs: number;
  readonly everyMs: number;
  readonly rowCount: number;
  /** On which of the assets that are asked about it runs, and what it lacks on others. */
  readonly runsOn: readonly string[];
  readonly missing: readonly (MissingInput & { assetId: string })[];
};

export type DryRunWindow = {
  readonly columns: ReadonlyMap<string, PointColumn>;
  readonly fromMs: number;
  readonly toMs: number;
};

export type DryRunOutcome = { readonly insights: readonly FiredInsight[]; readonly series: readonly WatchedSeries[] };

export type PlannedDryRun = {
  readonly plan: DryRunPlan;
  run(window: DryRunWindow, options: SeriesOptions): DryRunOutcome;
};

/** A dry run ready for its readings, or what is wrong with the request. */
export function planDryRun(request: DryRunRequest): PlannedDryRun | { problems: DryRunProblem[] } {
  const built = buildSet(request);
  if ('problems' in built) return built;
  const { rule, ruleSet, file, text, texts } = built;
  const problems = findParamProblems(rule, request.params);
  if (problems.length > 0) return { problems };
  const only = withUpstream(upstreamOf(request.assets), request.assetIds);
  const input: EvaluationInput = {
    ruleSet,
    assets: listAssetsFor(ruleSet, request.assets, only),
    overrides: overridesFor(ruleSet, request),
    only,
  };
  const cells = countCells(input);
  if (cells > cellsMax) {
    const message = `its windows would remember ${cells} values, and ${cellsMax} are the most; evaluate it less often`;
    return { problems: [{ in: 'text', path: '', code: 'too_large', message }] };
  }
  const evaluation = createEvaluation(input);
  const wanted = new Set(request.assetIds);
  const plan: DryRunPlan = {
    rule: { id: rule.id, version: rule.version, title: rule.title, assetClass: rule.assetClass },
    pointIds: listPointsRead(ruleSet, input.assets, input.overrides ?? [], only),
    warmupMs: evaluation.warmupMs,
    everyMs: evaluation.everyMs,
    rowCount: evaluation.boundCount,
    runsOn: listAssetsOf(evaluation, rule.id).filter((id) => wanted.has(id)),
    missing: evaluation.missing.filter((one) => one.rule === rule.id && wanted.has(one.assetId)),
  };
  return { plan, run };

  function run({ columns, fromMs, toMs }: DryRunWindow, options: SeriesOptions): DryRunOutcome {
    const span = { columns, fromMs, toMs, warmFromMs: fromMs - plan.warmupMs };
    const effects = backTestColumns({ ...input, ...span });
    const own = effects.filter(({ ruleId, assetId }) => ruleId === rule.id && wanted.has(assetId));
    const insights = collectInsights(own, toMs, 'UTC');
    const probe = probeOf({ file, text });
    const probed = withRule(ruleSet, buildRuleSet(withText(texts, file, probe.text), request).rules, rule.id);
    const series = watchSeries(
      { ...input, ruleSet: probed },
      { ...span, ruleId: rule.id, probe, assetIds: mostTelling(request.assetIds, insights) },
      options,
    );
    return { insights, series };
  }
}

/** 160 MB: memory of arrays, which no limit of a thread bounds. */
const cellsMax = 20_000_000;

/** How many values the windows of all rules remember on all assets. */
function countCells({ ruleSet, assets, overrides = [], only }: EvaluationInput): number {
  const bound = bindAll(ruleSet, assets, overrides, only).flatMap((binding) => binding.bound);
  return bound.reduce((sum, { rule }) => sum + rule.rings.reduce((own, { ticks }) => own + ticks + 1, 0), 0);
}

function listAssetsOf({ groups }: Evaluation, ruleId: string): string[] {
  return groups.filter(({ rule }) => rule.id === ruleId).flatMap(({ assets }) => assets.map(({ id }) => id));
}

const problemsMax = 100;

type Built = { rule: Rule; ruleSet: RuleSet; file: string; text: string; texts: RuleText[] };

function buildSet(request: DryRunRequest): Built | { problems: DryRunProblem[] } {
  const { timeScale, ruleId } = request;
  const file = request.file ?? `${ruleId}.yaml`;
  const texts = request.text === null ? request.texts : withText(request.texts, file, request.text);
  const { rules: all, errors } = buildRuleSet([...texts], { timeScale });
  const mistakes = errors.filter((error) => error.file === file && error.severity === 'error');
  if (mistakes.length > 0) return { problems: mistakes.slice(0, problemsMax).map(problemOf) };
  const rule = all.rules.find((one) => one.id === ruleId && one.file === file);
  if (!rule) {
    const [other] = all.rules.filter((one) => one.file === file);
    const message = other ? `it is the text of the rule '${other.id}', and not of '${ruleId}'` : 'it is no rule';
    return { problems: [{ in: 'text', path: '', code: 'other_rule', message }] };
  }
  const on: Rule = { ...rule, enabled: true };
  const rules = withSuppressors(all, rule.id).rules.map((one) => (one === rule ? on : one));
  const text = texts.find((one) => one.file === file)?.text ?? '';
  return { rule: on, ruleSet: { ...all, rules }, file, text, texts: textsAround(texts, all, rule.id) };
}

/** The files without those of rules that have no part in what a rule finds: fewer to read, and the same outcome. */
export function textsAround(texts: readonly RuleText[], ruleSet: RuleSet, ruleId: string): RuleText[] {
  const wanted = new Set(withSuppressors(ruleSet, ruleId).rules);
  const others = new Set(ruleSet.rules.filter((rule) => !wanted.has(rule)).map(({ file }) => file));
  return texts.filter(({ file }) => !others.has(file));
}

function withText(texts: readonly RuleText[], file: string, text: string): RuleText[] {
  return [...texts.filter((one) => one.file !== file), { file, text }];
}

/** The rule set with one rule as another set has it; as it is where that set lacks the rule. */
function withRule(ruleSet: RuleSet, other: RuleSet, ruleId: string): RuleSet {
  const found = other.rules.find(({ id }) => id === ruleId);
  if (!found) return ruleSet;
  return { ...ruleSet, rules: ruleSet.rules.map((one) => (one.id === ruleId ? { ...found, enabled: true } : one)) };
}

function problemOf({ line, column, code, message, help }: RuleError): DryRunProblem {
  const hint = help === undefined ? '' : `; ${help}`;
  return { in: 'text', path: '', code, message: `line ${line}, column ${column}: ${message}${hint}` };
}

function findParamProblems(rule: Rule, params: Readonly<Record<string, number>>): DryRunProblem[] {
  if (Object.keys(params).length === 0) return [];
  const override = { rule: rule.id, params, severity: null, enabled: true, sinceMs: 0, untilMs: null } as const;
  return findOverrideProblems(override, [rule]).map(({ path, code, message, help }) => ({
    in: 'params',
    path: path.map((step) => `/${String(step)}`).join(''),
    code,
    message: help === undefined ? message : `${message}; ${help}`,
  }));
}

/** The overrides of others, with those of this run in the place of what they say about the rule. */
function overridesFor({ rules }: RuleSet, { ruleId, params, overrides, assetIds }: DryRunRequest): Override[] {
  const names = Object.keys(params);
  const others = overrides.flatMap((override) => {
    if (override.rule !== ruleId && override.rule !== '*') return [override];
    const isTouched = override.enabled !== null || names.some((name) => Object.hasOwn(override.params, name));
    if (!isTouched) return [override];
    const kept = Object.entries(override.params).filter(([name]) => !names.includes(name));
    const own = { ...override, rule: ruleId, enabled: null, params: Object.fromEntries(kept) };
    if (override.rule === ruleId) return [own];
    return rules.map(({ id }) => (id === ruleId ? own : { ...override, rule: id }));
  });
  if (names.length === 0) return others;
  const run = { rule: ruleId, site: null, tag: null, params: { ...params }, severity: null, enabled: null };
  const always = { sinceMs: Number.NEGATIVE_INFINITY, untilMs: null, reason: 'dry run', author: 'dry run' };
  return [...others, ...assetIds.map((asset) => ({ id: 'dry-run', asset, ...run, ...always }))];
}

/** The assets whose series tell most: those with insights first. */
function mostTelling(assetIds: readonly string[], insights: readonly FiredInsight[]): string[] {
  const fired = new Set(insights.map(({ asset }) => asset));
  return [...assetIds.filter((id) => fired.has(id)), ...assetIds.filter((id) => !fired.has(id))];
}
