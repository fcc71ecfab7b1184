/** A deployed library of three small rules, and equipment that they run on, beside the world of the other tests of the API. */
import { createLog } from '../../src/platform/log.ts';
import { buildRuleSet, type RuleText } from '../../src/rules/language/load-rules.ts';
import { deployRuleSet } from '../../src/rules/live/rule-set-store.ts';
import { createAppender } from '../../src/telemetry/append-store.ts';
import { prepareStorage } from '../../src/telemetry/storage/engine-store.ts';
import type { TestApi, World } from './api.ts';

export const minuteMs = 60_000;

/** Supply air too warm, explained by a broken sensor; a fan that runs at night, which needs a point that the unit lacks. */
export const warmText = `rule: sat-warm
version: 2
title: Supply air too warm
applies_to: { class: brick:AHU }
tags: [comfort-band]
docs: A page of a handbook.
inputs:
  sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, valid: [-40, 80] }
params:
  limit: { default: 18, unit: degC, min: 10, max: 30, help: the warmest that is right }
let: { excess: sat - limit }
when: avg(sat, '5m') > limit
for: 10m
clear: excess < 0
clear_for: 5m
severity: warning
category: comfort
message: "Supply air is at {{ sat | 1 degC }}"
causes: [A valve that is stuck]
actions: [Stroke the valve]
work_order: { after: 20m, priority: high, due: 3d, assign: team:hvac }
suppressed_by: [sat-broken]
`;
const brokenText = `rule: sat-broken
version: 1
title: Supply air sensor out of range
applies_to: { class: brick:AHU }
inputs: { sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC } }
when: sat > 60
severity: critical
category: fault
`;
const fanText = `rule: fan-at-night
version: 1
title: Fan runs at night
applies_to: { class: brick:AHU }
enabled: shadow
inputs: { fan: { class: brick:Fan_On_Off_Status, unit: bool } }
params: { hours: { unit: h, min: 1, max: 24 } }
when: fan && hours > 2
active: { days: mon-fri, from: "20:00", to: "24:00" }
severity: info
category: energy
`;
const offText = `rule: pump-hot
version: 1
title: Pump too hot
applies_to: { class: brick:Pump }
enabled: false
inputs: { t: { class: faultline:Bearing_Temperature_Sensor, unit: degC } }
when: t > 80
severity: info
category: maintenance
`;

export const libraryTexts: RuleText[] = [
  { file: 'ahu/fan-at-night.yaml', text: fanText },
  { file: 'ahu/sat-broken.yaml', text: brokenText },
  { file: 'ahu/sat-warm.yaml', text: warmText },
  { file: 'pump/pump-hot.yaml', text: offText },
];

/** Makes the library the deployed version; texts with mistakes are told as errors of files. */
export async function deployLibrary({ database }: Pick<TestApi, 'database'>, texts = libraryTexts): Promise<string> {
  const { rules, errors } = buildRuleSet(texts);
  await deployRuleSet(database.db, { hash: rules.hash, texts, timeScale: 1, errors });
  return rules.hash;
}

/** Gives the world's air handler its class, with a sensor of supply air. */
export async function classifyEquipment({ database: { db } }: Pick<TestApi, 'database'>, world: World): Promise<void> {
  await db.updateTable('asset').set({ class: 'brick:AHU' }).where('id', '=', world.ahuId).execute();
  const sensor = { class: 'brick:Supply_Air_Temperature_Sensor', unit: 'degC' };
  await db.updateTable('point').set(sensor).where('id', '=', world.pointId).execute();
}

/** Stores a value a minute of the world's sensor from an instant on. */
export async function storeReadings(
  { database }: Pick<TestApi, 'database'>,
  world: World,
  fromMs: number,
  values: number[],
): Promise<void> {
  const engine = await prepareStorage(database.pool, createLog('silent'));
  const { append } = createAppender(database.pool, { engine, graceMs: 3_600_000 });
  const point = { pointId: world.pointId, seriesId: world.seriesId, assetId: world.ahuId, shard: 0, states: null };
  await append(
    values.map((value, index) => ({ point, timeMs: fromMs + index * minuteMs, value, quality: 'good' as const })),
  );
}
