import type { RuleAsset } from '../kernel/bind.ts';
import type { Rule, RuleParam } from './rule.ts';
import type { Path } from './rule-error.ts';
import { suggest } from './suggestion.ts';

/**
 * What people set otherwise for some assets and for some time, with a reason and their name: parameters, severity, whether a rule
 * runs. It applies at ticks t with `sinceMs` <= t < `untilMs`, in event time, so that a back-test or a repair of the past agrees.
 *
 *   everywhere < site < tag < the asset's own params < asset        the more specific wins, key by key; then a rule by its
 *                                                                   name over `*`, the database over a file, later over earlier
 *
 * `rule` is an id or `*`. `site` and `asset` are ids or stable names. `tenantId` is stated by those of the database, which
 * touch no other tenant's assets.
 */
export type Override = {
  id: string;
  rule: string;
  site: string | null;
  asset: string | null;
  tag: string | null;
  params: Record<string, number>;
  severity: Rule['severity'] | null;
  enabled: Rule['enabled'] | 'paused' | null;
  sinceMs: number;
  untilMs: number | null;
  reason: string;
  author: string;
  tenantId?: string | null;
};

/**
 * How a rule runs on an asset at ticks t with `fromMs` <= t < `untilMs`: its parameters by slot, its severity, whether it runs.
 * A pause only stands in front of `enabled`: what is on trial stays so meanwhile, and what is off stays off.
 */
export type Variant = {
  fromMs: number;
  untilMs: number;
  params: number[];
  severity: Rule['severity'];
  enabled: Rule['enabled'];
  isPaused: boolean;
};

/** Why a parameter has no value that the rule can run with; `isAbsent` where nobody states one. */
export type ParamProblem = { param: string; reason: string; isAbsent: boolean };

/**
 * The variants of a rule on an asset, in order of time, from the beginning of time to its end without a gap. At times for which a
 * parameter has no value, or one out of bounds, the rule is off. `problems` are those that leave it no time to run, and values
 * out of bounds that have no end.
 */
export function variantsOf(
  rule: Rule,
  asset: RuleAsset,
  overrides: readonly Override[],
): { variants: Variant[]; problems: ParamProblem[] } {
  const own = overrides
    .map((override, order) => ({ override, order }))
    .filter(({ override }) => concerns(override, rule, asset))
    .sort((a, b) => compareRanks(rankOf(a.override, a.order), rankOf(b.override, b.order)))
    .map(({ override }) => override);
  if (own.length === 0) {
    const { problems, ...variant } = resolve(rule, asset, own);
    return {
      variants: [{ fromMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY, ...variant }],
      problems,
    };
  }
  const problems = new Map<string, ParamProblem & { isEndless: boolean }>();
  const instants = own.flatMap(({ sinceMs, untilMs }) => [sinceMs, untilMs ?? Number.POSITIVE_INFINITY]);
  const cuts = [...new Set([Number.NEGATIVE_INFINITY, ...instants, Number.POSITIVE_INFINITY])].sort((a, b) => a - b);
  const variants: Variant[] = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [fromMs, untilMs] = [cuts[i] as number, cuts[i + 1] as number];
    const valid = own.filter(({ sinceMs, untilMs: endMs }) => sinceMs <= fromMs && (endMs === null || fromMs < endMs));
    const { problems: found, ...variant } = resolve(rule, asset, valid);
    for (const one of found) problems.set(one.param, { ...one, isEndless: untilMs === Number.POSITIVE_INFINITY });
    add(variants, { fromMs, untilMs, ...variant });
  }
  const isRunnable = variants.some(({ params }) => params.every((value) => !Number.isNaN(value)));
  const blocking = [...problems.values()].filter(({ isAbsent, isEndless }) => !isRunnable || (isEndless && !isAbsent));
  return { variants, problems: blocking };
}

/** The variant that holds at an instant: they follow each other without a gap. */
export function variantAt(variants: readonly Variant[], atMs: number): Variant {
  return variants.find(({ untilMs }) => atMs < untilMs) ?? (variants.at(-1) as Variant);
}

/** Whether and how a rule runs, in a word: what is off is off whether it is paused or not. */
export function enabledOf({ enabled, isPaused }: Pick<Variant, 'enabled' | 'isPaused'>): Rule['enabled'] | 'paused' {
  return isPaused && enabled !== false ? 'paused' : enabled;
}

/** What is wrong with an override, at which of its keys: for the API and for files alike. `declared` rules have mistakes of their own. */
export function findOverrideProblems(
  override: Pick<Override, 'rule' | 'params' | 'severity' | 'enabled' | 'sinceMs' | 'untilMs'>,
  rules: readonly Rule[],
  declared: ReadonlySet<string> = new Set(),
): { path: Path; code: string; message: string; help?: string | undefined; part: 'key' | 'value' }[] {
  const { rule: id, params, severity, enabled, sinceMs, untilMs } = override;
  const concerned = id === '*' ? rules : rules.filter((rule) => rule.id === id);
  if (concerned.length === 0 && id !== '*' && !declared.has(id)) {
    const help = suggest(
      id,
      rules.map((rule) => rule.id),
    );
    return [{ path: ['rule'], code: 'unknown_rule', message: `no rule '${id}'`, help, part: 'value' }];
  }
  const problems: ReturnType<typeof findOverrideProblems> = [];
  if (Object.keys(params).length === 0 && severity === null && enabled === null) {
    const message = 'it changes nothing: state params, severity or enabled';
    problems.push({ path: [], code: 'empty_override', message, part: 'key' });
  }
  if (untilMs !== null && untilMs <= sinceMs)
    problems.push({ path: ['until'], code: 'invalid_value', message: 'it ends before it begins', part: 'value' });
  if (concerned.length === 0) return problems;
  for (const [name, value] of Object.entries(params)) {
    const found = concerned.flatMap((rule) => rule.params.filter((param) => param.name === name));
    if (found.length === 0) {
      const known = [...new Set(concerned.flatMap((rule) => rule.params.map((param) => param.name)))];
      const owner = id === '*' ? 'no rule' : `rule '${id}'`;
      const message = `${owner} has ${id === '*' ? 'a' : 'no'} parameter '${name}'`;
      const help = suggest(name, known) ?? (known.length > 0 && id !== '*' ? `it has ${known.join(', ')}` : undefined);
      problems.push({ path: ['params', name], code: 'unknown_param', message, help, part: 'key' });
    }
    const bounds = found.find(({ min, max }) => !(value >= min && value <= max));
    if (bounds) {
      const message = `${name} = ${value} is outside ${bounds.min}..${bounds.max}`;
      problems.push({ path: ['params', name], code: 'out_of_bounds', message, part: 'value' });
    }
  }
  return problems;
}

function concerns(override: Override, rule: Rule, { id, name, uri, site, tags, tenantId }: RuleAsset): boolean {
  const { rule: wanted, site: siteName, asset, tag } = override;
  if (wanted !== '*' && wanted !== rule.id) return false;
  if (override.tenantId != null && override.tenantId !== tenantId) return false;
  if (siteName !== null && siteName !== site?.id && siteName !== site?.slug) return false;
  if (asset !== null && asset !== id && asset !== name && asset !== uri) return false;
  return tag === null || (tags ?? []).includes(tag);
}

function rankOf({ rule, site, asset, tag, tenantId, sinceMs }: Override, order: number): number[] {
  const scope = asset !== null ? 3 : tag !== null ? 2 : site !== null ? 1 : 0;
  return [scope, rule === '*' ? 0 : 1, tenantId == null ? 0 : 1, sinceMs, order];
}

function compareRanks(a: number[], b: number[]): number {
  const place = a.findIndex((rank, index) => rank !== b[index]);
  // Equal infinities have no difference, so ranks are compared and not subtracted.
  return place < 0 ? 0 : (a[place] as number) < (b[place] as number) ? -1 : 1;
}

/** The rule under the overrides that hold at one time, the weakest first. */
function resolve(
  rule: Rule,
  asset: RuleAsset,
  overrides: Override[],
): Omit<Variant, 'fromMs' | 'untilMs'> & { problems: ParamProblem[] } {
  const resolved = rule.params.map((param) => resolveParam(param, asset, overrides));
  const problems = resolved.filter((one) => typeof one !== 'number');
  const params = resolved.map((one) => (typeof one === 'number' ? one : Number.NaN));
  const switches = overrides.flatMap(({ enabled }) => enabled ?? []);
  const enabled = switches.findLast((one) => one !== 'paused') ?? rule.enabled;
  return {
    params,
    severity: overrides.findLast(({ severity }) => severity !== null)?.severity ?? rule.severity,
    enabled: problems.length === 0 ? enabled : false,
    isPaused: switches.at(-1) === 'paused',
    problems,
  };
}

function resolveParam(
  { name, default: fallback, min, max }: RuleParam,
  asset: RuleAsset,
  overrides: Override[],
): number | ParamProblem {
  const stating = overrides.filter(({ params }) => Object.hasOwn(params, name));
  const stated = asset.params?.[name];
  const isOwn = stated !== undefined && stating.at(-1)?.asset == null;
  const value = isOwn ? stated : (stating.at(-1)?.params[name] ?? fallback);
  if (value === null) return { param: name, reason: `the asset has no parameter ${name}`, isAbsent: true };
  if (value >= min && value <= max) return value;
  const whose = isOwn ? "the asset's parameter" : `the override ${stating.at(-1)?.id} of`;
  return { param: name, reason: `${whose} ${name} = ${value} is outside ${min}..${max}`, isAbsent: false };
}

/** Adds a variant, or lengthens the one before it when nothing is different. */
function add(variants: Variant[], next: Variant): void {
  const last = variants.at(-1);
  const key = ({ fromMs, untilMs, ...rest }: Variant) => JSON.stringify(rest);
  if (last && key(last) === key(next)) last.untilMs = next.untilMs;
  else variants.push(next);
}
