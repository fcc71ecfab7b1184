/** A pump whose vibration is watched by one rule, and what is told of the insights that the rule finds. */
import { sql } from 'kysely';
import { expect } from 'vitest';
import { evidenceReadings } from '../../src/api/evidence-readings.ts';
import type { PointRef } from '../../src/assets/point-store.ts';
import type { Quality } from '../../src/assets/quality.ts';
import type { Evidence } from '../../src/insights/evidence/evidence.ts';
import { readEvidence } from '../../src/insights/evidence/read-evidence.ts';
import { buildRuleSet } from '../../src/rules/language/load-rules.ts';
import { minuteMs, openRulePlant, type RulePlant } from './rule-plant.ts';

const text = `rule: too-high
version: 3
title: Vibration above the limit
applies_to: { class: brick:Pump }
every: 1m
inputs:
  v: { class: faultline:Vibration_Velocity_Sensor, unit: mm/s }
params:
  most: { default: 7, unit: mm/s }
when: v > most
for: 2m
clear_for: 10m
severity: critical
category: fault
evidence: { show: [v], before: 20m, after: 10m }
`;

type Sent = { value: number; from: number; through: number; quality?: Quality };

export type EvidenceStage = {
  readonly plant: RulePlant;
  pump: PointRef;
  /** Minutes count from here. */
  startMs: number;
  /** Another pump, nothing evaluated yet, three hours ago. */
  reset(): Promise<void>;
  /** A value a minute, ten seconds after each. */
  send(sent: Sent): Promise<void>;
  /** Brings the rule, or none, to the last closed tick, as a process that has just started does. */
  advance(without?: 'without rules'): Promise<void>;
  /** The id of the pump's one insight. */
  getInsight(): Promise<string>;
  evidenceOf(id: string, samples?: number): Promise<Evidence>;
  minuteOf(instant: string | null): number | null;
};

/** The stage, empty: reset it before each test. */
export async function openEvidenceStage(): Promise<EvidenceStage> {
  const plant = await openRulePlant();
  const { db } = plant.database;
  const { rules, errors } = buildRuleSet([{ file: 'too-high.yaml', text }]);
  expect(errors).toEqual([]);
  const { downstream } = await plant.makePumps();
  const stage: EvidenceStage = {
    plant,
    pump: downstream,
    startMs: 0,
    reset: async () => {
      await sql`truncate rule_shard_version, rule_deployment`.execute(db);
      await sql`update rule_shard set tick_at = null, snapshot = null, rule_set_hash = null`.execute(db);
      ({ downstream: stage.pump } = await plant.makePumps());
      stage.startMs = Math.floor(Date.now() / minuteMs - 180) * minuteMs;
    },
    send: async ({ value, from, through, quality = 'good' }) => {
      const minutes = Array.from({ length: through - from + 1 }, (_, i) => from + i);
      const timeOf = (minute: number) => stage.startMs + minute * minuteMs - 50_000;
      await plant.append(minutes.map((minute) => ({ point: stage.pump, timeMs: timeOf(minute), value, quality })));
    },
    advance: async (without) => {
      const runner = plant.openRunner(without ? buildRuleSet([]).rules : rules);
      while ((await runner.advance(plant.site.shard)).isBehind);
    },
    getInsight: async () => {
      const ofPump = db.selectFrom('insight').select('id').where('asset_id', '=', stage.pump.assetId);
      const rows = await ofPump.where('rule_id', '=', 'too-high').execute();
      expect(rows).toHaveLength(1);
      return rows[0]?.id ?? '';
    },
    evidenceOf: async (id, samples = 1_000) => {
      const row = await db.selectFrom('insight').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
      const { started_at, opened_at, resolved_at } = row;
      const instants = {
        started_at: started_at.toISOString(),
        opened_at: opened_at.toISOString(),
        resolved_at: resolved_at?.toISOString() ?? null,
      };
      const insight = { ...row, ...instants };
      return readEvidence(db, { insight, samples, nowMs: Date.now(), readings: evidenceReadings });
    },
    minuteOf: (instant) => (instant === null ? null : (Date.parse(instant) - stage.startMs) / minuteMs),
  };
  return stage;
}
