/**
 * The deployed rules as this process knows them: built once from the stored texts, and again when another version has been
 * deployed. All tenants share them; what one tenant makes of them are its overrides.
 */
import type { Db } from '../../platform/database.ts';
import { buildRuleSet, type RuleText } from '../../rules/language/load-rules.ts';
import type { Rule, RuleSet } from '../../rules/language/rule.ts';
import { findRuleSet } from '../../rules/live/rule-set-store.ts';
import { type Deployment, findDeployment } from './deployment-store.ts';
import { describeRule } from './describe-rule.ts';
import type { RuleContent } from './rule.ts';

export type Library = Deployment & {
  readonly texts: readonly RuleText[];
  readonly ruleSet: RuleSet;
  /** In the order of their ids. */
  readonly rules: readonly KnownRule[];
  /** Why rules that are deployed run nowhere, by their ids: the base tick of the process that runs them leaves them out. */
  readonly leftOut: ReadonlyMap<string, string>;
  find(id: string): KnownRule | undefined;
};

export type KnownRule = { readonly rule: Rule; readonly content: RuleContent };

/** Gives the deployed library whenever it is asked; before the first deployment it is empty. */
export function createLibrary(db: Db): () => Promise<Library> {
  let built: Promise<Built> | undefined;
  let builtHash: string | undefined;
  return async () => {
    const deployment = await findDeployment(db);
    if (!deployment) return { ...nothing, leftOut: new Map(), hash: '', errors: [], deployedAt: new Date(0) };
    if (builtHash !== deployment.hash || built === undefined) {
      builtHash = deployment.hash;
      built = build(db, deployment.hash);
      built.catch(() => (builtHash = undefined)); // Whoever asked sees the error; the next one tries again.
    }
    const library = await built;
    return { ...library, leftOut: findLeftOut(library, deployment), ...deployment };
  };
}

type Built = Pick<Library, 'texts' | 'ruleSet' | 'rules' | 'find'>;

const nothing: Built = { texts: [], ruleSet: buildRuleSet([]).rules, rules: [], find: () => undefined };

async function build(db: Db, hash: string): Promise<Built> {
  const stored = await findRuleSet(db, hash);
  if (!stored) throw new Error(`the deployed version of the rules, ${hash}, is not stored`);
  const texts = [...stored.texts];
  const { rules: ruleSet } = buildRuleSet(texts, { timeScale: stored.timeScale });
  const textOf = new Map(texts.map(({ file, text }) => [file, text]));
  const rules = ruleSet.rules
    .map((rule) => ({ rule, content: describeRule(rule, textOf.get(rule.file) ?? '', ruleSet.rules) }))
    .sort((one, other) => (one.rule.id < other.rule.id ? -1 : 1));
  const byId = new Map(rules.map((known) => [known.rule.id, known]));
  return { texts, ruleSet, rules, find: (id) => byId.get(id) };
}

/** The rules whose texts, as they run, have a mistake that only the process knows that runs them. */
function findLeftOut({ texts, rules }: Built, { errors }: Deployment): Map<string, string> {
  const isIn = (text: string, line: number, lineText: string) => text.split(/\r?\n/)[line - 1] === lineText;
  const found = errors.filter(
    ({ code, file, line, lineText }) =>
      code === 'not_a_multiple' && texts.some((one) => one.file === file && isIn(one.text, line, lineText)),
  );
  const reasonOf = new Map(found.map(({ file, message }) => [file, message]));
  return new Map(
    rules.flatMap(({ rule }) => {
      const reason = reasonOf.get(rule.file);
      return reason === undefined ? [] : [[rule.id, reason]];
    }),
  );
}
