/** A thread of `rules backtest`: takes families one after the other until it is told to end. */
import { parentPort, workerData } from 'node:worker_threads';
import pg from 'pg';
import { withSuppressors } from '../../rules/back-test/take-part.ts';
import { buildRuleSet } from '../../rules/language/load-rules.ts';
import type { ThreadData } from './back-test-threads.ts';
import { backTestFamily, type FamilyJob } from './family-back-test.ts';

const { url, ruleSets } = workerData as ThreadData;
// One slice is read while another is.
const pool = new pg.Pool({ connectionString: url, max: 2 });
const built = ruleSets.map(({ texts, timeScale, ruleId }) => {
  const { rules } = buildRuleSet([...texts], { timeScale });
  return ruleId === undefined ? rules : withSuppressors(rules, ruleId);
});

parentPort?.on('message', async (job: FamilyJob | 'end') => {
  if (job === 'end') {
    await pool.end();
    parentPort?.close();
  } else parentPort?.postMessage(await backTestFamily(pool, built, job));
});
