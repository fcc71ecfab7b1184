import type { Question } from './telemetry-queries.ts';

export type QuestionResult = {
  readonly question: string;
  /** In one answer. */
  readonly values: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly readingsP50Ms: number;
  readonly readingsP99Ms: number;
  readonly rollUpsP50Ms: number | null;
  readonly rollUpsP99Ms: number | null;
};

/** Half a minute is enough to know of a slow statement that it is slow. */
const budgetMs = 30_000;
const warmRuns = 10;

/** Asks each question so often, one after the other, on caches that are warm. */
export async function measureQuestions(questions: readonly Question[], runs: number): Promise<QuestionResult[]> {
  const results: QuestionResult[] = [];
  for (const { name, program, fromReadings, fromRollUps } of questions) {
    const own = await measure(program, runs);
    const readings = await measure(fromReadings, runs);
    const rollUps = fromRollUps && (await measure(fromRollUps, runs));
    const [p50Ms, p99Ms] = [own.at(0.5), own.at(0.99)];
    results.push({
      question: name,
      values: own.values,
      p50Ms,
      p99Ms,
      readingsP50Ms: readings.at(0.5),
      readingsP99Ms: readings.at(0.99),
      rollUpsP50Ms: rollUps?.at(0.5) ?? null,
      rollUpsP99Ms: rollUps?.at(0.99) ?? null,
    });
  }
  return results;
}

async function measure(ask: (run: number) => Promise<number>, runs: number) {
  const took: number[] = [];
  let values = 0;
  const beganAt = performance.now();
  for (let run = 0; run < warmRuns && performance.now() - beganAt < budgetMs / 10; run++) values = await ask(run);
  const startedAt = performance.now();
  for (let run = 0; run < runs && performance.now() - startedAt < budgetMs; run++) {
    const askedAt = performance.now();
    values = await ask(warmRuns + run);
    took.push(performance.now() - askedAt);
  }
  took.sort((one, other) => one - other);
  return { values, at: (share: number) => took[Math.ceil(took.length * share) - 1] ?? Number.NaN };
}
