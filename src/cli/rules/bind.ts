import { type Binding, bindAll, type RuleAsset, type RulePoint } from '../../rules/kernel/bind.ts';
import type { Override } from '../../rules/language/override.ts';
import type { RuleSet } from '../../rules/language/rule.ts';
import { withDatabase } from '../with-database.ts';
import { enabledNow, printBindings } from './bind-report.ts';
import { readColumnsOf } from './column-map.ts';
import { loadWith, tellMistakes } from './load.ts';
import { readOptions, rulesOption, UsageError } from './options.ts';
import { printJson } from './print.ts';
import { listPlants, withClass } from './stored-plant.ts';

export const bindUsage = `rules bind [--site S] [--rules DIR] [--all | --json]
rules bind --csv FILE --columns MAP.yaml [--rules DIR] [--all | --json]
  Which rule runs on which equipment of the database (or of a trend log), and what is missing where one cannot.
  --site   one site, by its slug or id       --all   a line for each rule and asset, without the summary
  --json   one rule and asset a line, as an object`;

/** `rules bind`: 0, or 1 when rule files have mistakes; it tells of the rules that have none. */
export async function runBind(argv: string[]): Promise<number> {
  const options = readOptions(
    { argv },
    {
      ...rulesOption,
      site: { type: 'string' },
      csv: { type: 'string' },
      columns: { type: 'string' },
      all: { type: 'boolean' },
      json: { type: 'boolean' },
    },
  );
  const { rules, errors } = await loadWith(options.rules, []);
  const form = options.json ? 'json' : options.all ? 'all' : 'summary';
  if (options.csv !== undefined || options.columns !== undefined) {
    if (options.site !== undefined)
      throw new UsageError('--site is of the database, and --csv of a file: give one of them');
    const { assets } = await readColumnsOf(options, rules);
    tell(rules, { assets, overrides: [], place: '' }, form);
  } else {
    await withDatabase(async ({ db }) => {
      const plants = withClass(await listPlants(db, options.site));
      for (const { site, assets, overrides } of plants) {
        const place = plants.length > 1 ? `${site.slug}/` : '';
        tell(rules, { assets, overrides, place }, form);
      }
    });
  }
  return tellMistakes(errors) > 0 ? 1 : 0;
}

type Plant = {
  readonly assets: readonly { asset: RuleAsset; points: readonly RulePoint[] }[];
  readonly overrides: readonly Override[];
  /** What stands before the names of its assets, where there are several plants. */
  readonly place: string;
};

function tell(rules: RuleSet, { assets, overrides, place }: Plant, form: 'summary' | 'all' | 'json'): void {
  const bindings = bindAll(rules, assets, overrides);
  const named = assets.map(({ asset }, index) => ({
    name: `${place}${asset.name}`,
    className: asset.class,
    binding: bindings[index] as Binding,
  }));
  if (form === 'json') for (const { name, binding } of named) printLines(name, binding);
  else printBindings(named, { place, form });
}

function printLines(asset: string, { bound, missing }: Binding): void {
  for (const one of bound) printJson({ asset, rule: one.rule.id, runs: true, enabled: enabledNow(one), missing: [] });
  for (const [rule, lacks] of Map.groupBy(missing, (one) => one.rule)) {
    printJson({ asset, rule, runs: false, missing: lacks.map(({ input, reason }) => ({ input, reason })) });
  }
}
