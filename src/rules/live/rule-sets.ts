/**
 * The rule sets that a process runs. Versions lie in the database with the texts of their files; one of them is deployed.
 *
 *   RULES_DIR ─read, settle─▶ other than the deployed one? ─▶ stored and deployed      at the start, and when files change
 *                                                              │
 *   shard ─▶ hash of the deployed version ─▶ built before? ─▶ built from its texts     in the shard's transaction
 *
 * So it does not matter which process deployed a version: those with other files, or none, run it as well.
 */
import { isAbsolute, relative } from 'node:path';
import type { Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { watchFolder } from '../../platform/watch-folder.ts';
import { buildRuleSet, type RuleText, readRuleTexts, type UnreadableFile } from '../language/load-rules.ts';
import type { RuleSet } from '../language/rule.ts';
import { formatRuleError, type RuleError } from '../language/rule-error.ts';
import { compareRuleSets } from './compare-rule-sets.ts';
import {
  type DeployedRuleSet,
  deployRuleSet,
  findDeployedHash,
  findDeployedRuleSet,
  findRuleSet,
  noteFileErrors,
} from './rule-set-store.ts';
import { type Settled, settleTexts } from './settle-texts.ts';

/** Where shards get the rules from that they are to run, or ran at a time. */
export type RuleSets = {
  getDeployed(db: Db): Promise<RuleSet>;
  get(db: Db, hash: string): Promise<RuleSet>;
};

export type DeployedRules = RuleSets & {
  /** The rules that this process deployed or found deployed at its start. */
  readonly ruleCount: number;
  /** Stops looking after the files. */
  close(): Promise<void>;
};

type Options = {
  readonly db: Db;
  readonly log: Log;
  readonly directory: string;
  readonly timeScale: number;
  /** The base tick as it is, scaled. */
  readonly tickMs: number;
  /** How often files are looked at, a second unless told otherwise; a change is taken when two looks agree. */
  readonly lookMs?: number;
};

/** So many built versions are kept: a change of rules is repaired under the one before, seldom under an older one. */
const builtMax = 4;

/**
 * The rules of a process, its own files deployed, and again whenever they change. Where its directory is missing the version in the
 * database is used; rejects when there is none either.
 */
export async function openRuleSets(options: Options): Promise<DeployedRules> {
  const { db, log, directory, lookMs = 1_000 } = options;
  const built = new Map<string, RuleSet>();
  const tell = createTeller(log);
  const deployed = await findDeployedRuleSet(db);
  // Watched from before the first reading, so that no change falls between the two.
  const watch = await watchFolder(directory, { everyMs: lookMs, onChanged: reload, onError: complain });
  try {
    const files = await readOwnFiles(options, deployed !== undefined);
    if (files === undefined) await watch.close();
    const first = files ? await deploy(files) : await getDeployed(db);
    const ruleCount = first.rules.filter(({ enabled }) => enabled !== false).length;
    return { getDeployed, get, ruleCount, close: () => watch.close() };
  } catch (error) {
    await watch.close();
    throw error;
  }

  async function getDeployed(trx: Db): Promise<RuleSet> {
    const hash = await findDeployedHash(trx);
    if (hash === undefined) throw new Error('no rules have been deployed to this database');
    return get(trx, hash);
  }

  async function get(trx: Db, hash: string): Promise<RuleSet> {
    const known = built.get(hash);
    if (known) return known;
    const stored = await findRuleSet(trx, hash);
    if (!stored) throw new Error(`the version of the rules ${hash} is not in the database`);
    // The hash is the name under which it was stored, also where this program would compute another one.
    return keep({ ...buildRuleSet([...stored.texts], optionsOf(options, stored.timeScale)).rules, hash });
  }

  function keep(ruleSet: RuleSet): RuleSet {
    built.set(ruleSet.hash, ruleSet);
    for (const hash of [...built.keys()].slice(0, -builtMax)) built.delete(hash);
    return ruleSet;
  }

  async function reload(): Promise<void> {
    const found = await readOwnFiles(options, false);
    if (found) await deploy(found);
  }

  async function deploy({ texts, unreadable }: OwnFiles): Promise<RuleSet> {
    const running = await findDeployedRuleSet(db);
    const settled = settleTexts(texts, running?.texts ?? [], optionsOf(options, options.timeScale), unreadable);
    tell(settled.errors);
    const { hash } = settled.rules;
    if (hash === running?.hash) await noteFileErrors(db, hash, settled.errors);
    else {
      await deployRuleSet(db, { hash, timeScale: options.timeScale, ...settled });
      tellDeployed(running, settled);
    }
    return keep(settled.rules);
  }

  /** One line for each deployment: what is other than in the version before. */
  function tellDeployed(running: DeployedRuleSet | undefined, { texts, rules, errors }: Settled): void {
    const mistakes = errors.filter(({ severity }) => severity === 'error').length;
    const before =
      running &&
      (built.get(running.hash) ?? buildRuleSet([...running.texts], optionsOf(options, running.timeScale)).rules);
    const changes = before && compareRuleSets({ rules: before, texts: running.texts }, { rules, texts });
    log.info({ hash: rules.hash, ruleCount: rules.rules.length, mistakes, ...changes }, 'rules deployed');
  }

  function complain(error: unknown): void {
    log.error({ err: error, directory }, 'rule files cannot be taken over; what is deployed runs on');
  }
}

/** Logs each mistake once, and again when it comes back after it was gone. */
function createTeller(log: Log): (errors: readonly RuleError[]) => void {
  const told = new Set<string>();
  return (errors) => {
    const now = new Set(errors.map(formatRuleError));
    for (const gone of [...told].filter((one) => !now.has(one))) told.delete(gone);
    for (const error of errors) {
      const key = formatRuleError(error);
      if (told.has(key)) continue;
      told.add(key);
      const { file, line, column, message, severity } = error;
      if (severity === 'warning') log.warn({ file, line, column }, `rule: ${message}`);
      else log.error({ file, line, column }, `rule file not taken as it is: ${message}`);
    }
  };
}

function optionsOf({ tickMs }: Options, timeScale: number) {
  return { timeScale, tickMs };
}

type OwnFiles = { readonly texts: readonly RuleText[]; readonly unreadable: readonly UnreadableFile[] };

/** The rule files of the directory by their names within it; undefined when there is no directory and `mayLack` says so. */
async function readOwnFiles({ directory, log }: Options, mayLack: boolean): Promise<OwnFiles | undefined> {
  const named = <T extends { file: string }>(one: T) => ({ ...one, file: nameWithin(directory, one.file) });
  const unreadable: UnreadableFile[] = [];
  try {
    const texts = await readRuleTexts(directory, (one) => unreadable.push(named(one)));
    return { texts: texts.map(named), unreadable };
  } catch (error) {
    if (!mayLack || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    log.info({ directory }, 'no folder of rules here; the deployed version runs');
    return undefined;
  }
}

function nameWithin(directory: string, file: string): string {
  const name = relative(directory, file);
  return name === '' || name.startsWith('..') || isAbsolute(name) ? file : name.replaceAll('\\', '/');
}
