/**
 * The main job, end to end, through the doors that people use: trend logs of two air handlers are replayed over MQTT by
 * the command of the README; one has its cooling valve stuck open. It gets one insight and one work order, the other none.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { credentials, type DataDir, eventually, makeDataDir, type Program, startProgram } from './support/program.ts';

const speed = 600;
const minutes = 150;

let dataDir: DataDir;
let program: Program;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faultline-trend-'));
  dataDir = await makeDataDir();
  program = await startProgram({ dataDir: dataDir.path, env: { TIME_SCALE: String(speed), GRACE: '500ms' } });
});

afterAll(async () => {
  await program?.kill('SIGTERM');
  await dataDir?.remove();
  await rm(folder, { recursive: true, force: true });
});

const columnMap = `
time: { column: Datetime, format: "M/d/yyyy H:mm", zone: America/Chicago }
asset: { column: Unit, class: brick:AHU, params: { min_oa: 0.20 } }
points:
  "Supply Air Temperature": { class: brick:Supply_Air_Temperature_Sensor, unit: degF }
  "Supply Air Set Point": { class: brick:Supply_Air_Temperature_Setpoint, unit: degF }
  "Mixed Air Temperature": { class: brick:Mixed_Air_Temperature_Sensor, unit: degF }
  "Return Air Temperature": { class: brick:Return_Air_Temperature_Sensor, unit: degF }
  "Outdoor Air Temperature": { class: brick:Outside_Air_Temperature_Sensor, unit: degF }
  "Supply Fan Status": { class: brick:Fan_On_Off_Status, of: brick:Supply_Fan, unit: bool }
  "Cooling Valve": { class: brick:Valve_Position_Command, of: brick:Cooling_Coil, unit: fraction }
  "Heating Valve": { class: brick:Valve_Position_Command, of: brick:Heating_Coil, unit: fraction }
`;

/** Mixed air of 62 degF becomes supply air of 60 degF with both valves shut; a valve stuck open takes 12 degF more off it. */
function trendLog(): string {
  const names = [...columnMap.matchAll(/^ {2}"([^"]+)"/gm)].map(([, name]) => name);
  const rows = [['Datetime', 'Unit', ...names].join(',')];
  for (let minute = 0; minute < minutes; minute++) {
    const at = `8/31/2026 ${6 + Math.floor(minute / 60)}:${String(minute % 60).padStart(2, '0')}`;
    const wave = Math.sin(minute / 7) * 0.4;
    rows.push([at, 'AHU-sound', 62.8 + wave, 63, 62 + wave, 72 - wave, 50 + wave, 1, 0, 0].join(','));
    rows.push([at, 'AHU-stuck', 50 + wave, 63, 62 + wave, 72 - wave, 50 + wave, 1, 0, 0].join(','));
  }
  return `${rows.join('\n')}\n`;
}

const Insights = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      asset_id: z.string(),
      rule_id: z.string(),
      status: z.string(),
      work_order_ids: z.array(z.string()),
    }),
  ),
});
const WorkOrder = z.object({
  id: z.string(),
  site: z.string(),
  title: z.string(),
  description: z.string(),
  status: z.string(),
  insight: z.string(),
  asset_id: z.string(),
  source: z.string(),
});
const Assets = z.object({ data: z.array(z.object({ id: z.string(), name: z.string() })) });

test('R23: a replayed cooling valve that is stuck open becomes one insight and one work order; a sound unit becomes none', async () => {
  await writeFile(join(folder, 'trend.csv'), trendLog());
  await writeFile(join(folder, 'columns.yaml'), columnMap);
  const replay = [
    'simulators/simulate.ts',
    'replay',
    join(folder, 'trend.csv'),
    '--columns',
    join(folder, 'columns.yaml'),
  ];
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...replay,
    '--speed',
    String(speed),
    '--url',
    `mqtt://127.0.0.1:${program.mqttPort}`,
    '--username',
    credentials.username,
    '--password',
    credentials.password,
  ]);
  expect(stdout).toContain(String(2 * minutes * 8));

  const orders = await eventually('a work order', async () => {
    const found = z.array(WorkOrder).parse((await program.get('/api/v1/sites/main/work-orders/')).body);
    return found.length > 0 ? found : undefined;
  });
  const assets = Assets.parse((await program.get('/api/v1/assets')).body).data;
  expect(assets.map(({ name }) => name).sort()).toEqual(['AHU-sound', 'AHU-stuck']);
  const stuck = assets.find(({ name }) => name === 'AHU-stuck')?.id;
  const insights = Insights.parse((await program.get('/api/v1/insights')).body).data;
  expect(insights.map(({ asset_id, rule_id, status }) => ({ asset_id, rule_id, status }))).toEqual([
    { asset_id: stuck, rule_id: 'ahu-cooling-valve-passing', status: 'in_progress' },
  ]);
  expect(orders).toHaveLength(1);
  expect(orders[0]).toMatchObject({
    asset_id: stuck,
    insight: insights[0]?.id,
    source: 'rule',
    status: 'open',
    site: 'main',
  });
  expect(insights[0]?.work_order_ids).toEqual([orders[0]?.id]);
  for (const named of ['ahu-cooling-valve-passing', 'Evidence: sat', 'Likely causes', 'Cooling valve stuck open']) {
    expect(orders[0]?.description).toContain(named);
  }
});
