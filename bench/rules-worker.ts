/** A thread of part (d): takes files one after the other, reads their year and replays it. */
import { readFile } from 'node:fs/promises';
import { parentPort } from 'node:worker_threads';
import { backTestLog } from '../src/rules/back-test/back-test.ts';
import { readLogColumns } from '../src/rules/back-test/log-columns.ts';
import { type ColumnMap, parseColumnMap } from '../src/rules/back-test/trend-log.ts';
import { buildRuleSet } from '../src/rules/language/load-rules.ts';
import { plantPoints, plantRuleTexts } from './rules-plant.ts';

/** How many insights were found, and where the time went. */
export type HistoryDone = { insights: number; readings: number; kernelMs: number };

/** Reads a trend log and replays it, as `rules backtest --csv` does. */
export async function replayFile(file: string): Promise<HistoryDone> {
  const { rules: ruleSet } = buildRuleSet(plantRuleTexts());
  const log = readLogColumns(await readFile(file), columnMap());
  const began = performance.now();
  const insights = backTestLog(log, { ruleSet, split: 'none' });
  const readings = [...log.columns.values()].reduce((sum, { times }) => sum + times.length, 0);
  return { insights: insights.length, readings, kernelMs: performance.now() - began };
}

/** The column map of the files that the benchmark writes. */
function columnMap(): ColumnMap {
  const points = plantPoints.map(
    ({ name, class: className, of, unit }) =>
      `  ${name}: { class: ${className}${of === null ? '' : `, of: ${of}`}, unit: ${unit} }`,
  );
  const text = `time: { column: time, format: "yyyy-MM-dd HH:mm", zone: UTC }\nasset: { class: brick:AHU }\npoints:\n${points.join('\n')}\n`;
  const { map, errors } = parseColumnMap('columns.yaml', text);
  if (!map) throw new Error(JSON.stringify(errors));
  return map;
}

parentPort?.on('message', async (file: string | null) => {
  if (file === null) parentPort?.close();
  else parentPort?.postMessage(await replayFile(file));
});
