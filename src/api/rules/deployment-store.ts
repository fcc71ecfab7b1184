import type { Db } from '../../platform/database.ts';
import type { RuleError } from '../../rules/language/rule-error.ts';

/** Which version of the rules is deployed, and what is wrong with the files on disk, without the texts of the files. */
export type Deployment = { readonly hash: string; readonly errors: readonly RuleError[]; readonly deployedAt: Date };

/** The newest deployment; undefined before the first one. */
export async function findDeployment(db: Db): Promise<Deployment | undefined> {
  const row = await db
    .selectFrom('rule_deployment')
    .select(['hash', 'errors', 'deployed_at'])
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && { hash: row.hash, errors: row.errors as RuleError[], deployedAt: row.deployed_at };
}
