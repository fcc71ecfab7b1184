import type { Config } from '../../platform/config.ts';
import type { Database } from '../../platform/database.ts';
import { backTestLog, daysIn } from '../../rules/back-test/back-test.ts';
import type { Knowledge } from '../../rules/back-test/column-run.ts';
import { compareInsights } from '../../rules/back-test/compare-insights.ts';
import { withSuppressors } from '../../rules/back-test/take-part.ts';
import { buildRuleSet } from '../../rules/language/load-rules.ts';
import type { RuleSet } from '../../rules/language/rule.ts';
import { suggest } from '../../rules/language/suggestion.ts';
import { type DeployedRuleSet, findDeployedRuleSet } from '../../rules/live/rule-set-store.ts';
import { askNow } from '../../telemetry/storage/upkeep-store.ts';
import { withDatabase } from '../with-database.ts';
import { readColumnsOf } from './column-map.ts';
import { readTexts, tellMistakes } from './load.ts';
import { readOptions, rulesOption, UsageError } from './options.ts';
import { printInsights, printReport } from './report.ts';
import { cutAt, readSpan } from './span.ts';
import { backTestStored } from './stored-back-test.ts';
import { findAssetOf, listPlants } from './stored-plant.ts';

export const backTestUsage = `rules backtest [--site S] [--asset A] [--rule R] --from T --to T [--rules DIR] [--json]
rules backtest --csv FILE --columns MAP.yaml [--rule R] [--split day] [--rules DIR] [--json]
  What the rules would have found in stored telemetry, against what the deployed version would have; or in a trend log.
  --site, --asset   by slug, name or id            --from, --to   a date or an instant, without a zone in the site's
  --rule            one rule, and what explains it  --split day    begins every local day afresh
  --json            one insight a line`;

const optionsOfBackTest = {
  ...rulesOption,
  site: { type: 'string' },
  asset: { type: 'string' },
  rule: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  csv: { type: 'string' },
  columns: { type: 'string' },
  split: { type: 'string' },
  json: { type: 'boolean' },
} as const;

type Options = { [Key in Exclude<keyof typeof optionsOfBackTest, 'json' | 'rules'>]?: string } & {
  rules: string;
  json?: boolean;
};

/** `rules backtest`: 0, or 1 when rule files have mistakes; it tells what the rules without any would have found. */
export async function runBackTest(argv: string[]): Promise<number> {
  const options: Options = readOptions({ argv }, optionsOfBackTest);
  const texts = await readTexts(options.rules);
  if (options.csv === undefined && options.columns === undefined) {
    refuse(options, ['split'], 'is for trend logs, with --csv');
    return withDatabase((database, config) => overDatabase(database, config, options, texts));
  }
  refuse(options, ['site', 'asset', 'from', 'to'], 'is for stored telemetry, and not for --csv');
  return overTrendLog(options, texts);
}

function refuse(options: Options, names: readonly (keyof Options)[], why: string): void {
  const given = names.find((name) => options[name] !== undefined);
  if (given) throw new UsageError(`--${given} ${why}`);
}

async function overTrendLog(options: Options, texts: Awaited<ReturnType<typeof readTexts>>): Promise<number> {
  if (options.split !== undefined && options.split !== 'day') throw new UsageError("--split may be 'day'");
  const { rules, errors } = buildRuleSet(texts);
  requireRule(options.rule, [rules]);
  const ruleSet = options.rule === undefined ? rules : withSuppressors(rules, options.rule);
  const log = await readColumnsOf(options, rules);
  const knowledge: Knowledge = new Map();
  const all = backTestLog(log, { ruleSet, split: options.split === 'day' ? 'day' : 'none', knowledge });
  const insights = all.filter(({ rule }) => (options.rule ?? rule) === rule);
  if (options.json) printInsights(insights);
  else {
    const { times, values } = log.unreadable;
    const notes = [describeKnowledge(knowledge)];
    if (times + values > 0)
      notes.push(`${times} rows without a time that can be read, ${values} cells that are no numbers`);
    printReport({ insights, differences: undefined, days: daysIn(log.columns, log.zone).length, notes });
  }
  return tellMistakes(errors) > 0 ? 1 : 0;
}

async function overDatabase(
  database: Database,
  { GRACE: graceMs }: Config,
  options: Options,
  texts: Awaited<ReturnType<typeof readTexts>>,
): Promise<number> {
  const { db } = database;
  const deployed = await findDeployedRuleSet(db);
  const { rules, errors } = buildRuleSet(texts, { timeScale: deployed?.timeScale ?? 1 });
  const before = deployed && buildDeployed(deployed);
  requireRule(options.rule, before ? [rules, before] : [rules]);
  const all = await listPlants(db, options.site);
  const chosen = options.asset === undefined ? undefined : findAssetOf(all, options.asset);
  const plants = chosen ? [chosen.plant] : all;
  const asked = readSpan(
    options,
    plants.map(({ site }) => site.timeZone),
  );
  const span = cutAt(asked, (await askNow(db)) - graceMs);
  const backTest = { plants, assetId: chosen?.found.asset.id, ruleId: options.rule, ...span };
  const versions = [{ ruleSet: rules, texts }];
  if (before && before.hash !== rules.hash) versions.push({ ruleSet: before, texts: [...(deployed?.texts ?? [])] });
  const { insights: found, knowledge } = await backTestStored(database, versions, backTest);
  const [insights = [], others] = found;
  if (options.json) printInsights(insights);
  else {
    const differences = before && (others ? compareInsights(others, insights) : new Map());
    const notes = [describeKnowledge(knowledge)];
    if (!before) notes.push('no version of the rules is deployed yet: there is nothing to compare with');
    printReport({ insights, differences, days: Math.ceil((span.toMs - span.fromMs) / 86_400_000), notes });
  }
  return tellMistakes(errors) > 0 ? 1 : 0;
}

/** How many rules ran, and those that could say nothing for want of readings. */
function describeKnowledge(knowledge: Knowledge): string {
  const blind = [...knowledge].filter(([, knew]) => !knew).map(([rule]) => rule);
  if (knowledge.size === 0) return 'no rule ran: rules bind tells what each one lacks';
  const ran = `${knowledge.size} ${knowledge.size === 1 ? 'rule' : 'rules'} ran`;
  if (blind.length === 0) return ran;
  return `${ran}; ${blind.length} never knew their condition, as readings are absent or stale: ${blind.join(', ')}`;
}

function buildDeployed({ texts, timeScale }: DeployedRuleSet): RuleSet {
  return buildRuleSet([...texts], { timeScale }).rules;
}

/** Throws unless one of the rule sets has the rule. */
function requireRule(id: string | undefined, ruleSets: readonly RuleSet[]): void {
  const ids = ruleSets.flatMap(({ rules }) => rules.map((rule) => rule.id));
  if (id === undefined || ids.includes(id)) return;
  const help = suggest(id, ids);
  throw new UsageError(`there is no rule '${id}'${help === undefined ? '' : `; ${help}`}`);
}
