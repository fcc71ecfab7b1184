/**
 * ASHRAE Guideline 36's fault conditions FC1 to FC15 (5.16.14) over samples of one minute, written as plainly as it can
 * be: the judge in the plant's tests. Temperatures in degC, pressures in Pa, commands in percent, default thresholds in SI.
 */
import type { AirHandlerReadings } from './air-handler.ts';
import { outdoorAirMin } from './air-handler-control.ts';

type OperatingState = 1 | 2 | 3 | 4 | 5;

/** A fault condition that lasted, from the minute (index of the sample) at which it was alarmed. */
export type Alarm = { condition: string; minute: number };

const modeDelayMinutes = 30;
const alarmDelayMinutes = 30;
const supplyError = 1;
const returnError = 1;
const mixedError = 3;
const outdoorError = 1;
const fanHeat = 1;

type Averages = Pick<AirHandlerReadings, 'sat' | 'sat_sp' | 'oat' | 'mat' | 'rat' | 'duct_static' | 'duct_static_sp'>;

/** Each condition's first alarm in every stretch without interruption. */
export function listAlarms(samples: AirHandlerReadings[]): Alarm[] {
  const alarms: Alarm[] = [];
  const trueMinutes = new Map<string, number>();
  let stateMinutes = 0;
  let before: OperatingState | 'off' = 'off';
  for (const [minute, sample] of samples.entries()) {
    const state = sample.fan_status ? operatingState(sample) : 'off';
    stateMinutes = state === before ? stateMinutes + 1 : 0;
    before = state;
    const judged = state !== 'off' && stateMinutes >= modeDelayMinutes;
    const conditions = judged ? conditionsOf(state, sample, averagesOf(samples.slice(minute - 4, minute + 1))) : {};
    for (const [condition, holds] of Object.entries(conditions)) {
      const minutes = holds ? (trueMinutes.get(condition) ?? 0) + 1 : 0;
      trueMinutes.set(condition, minutes);
      if (minutes === alarmDelayMinutes) alarms.push({ condition, minute });
    }
    if (!judged) trueMinutes.clear();
  }
  return [...alarms, ...listHunting(samples)];
}

/** The operating state of 5.16.14.3; it wants the unit's own minimum outdoor-air position. */
export function operatingState(sample: AirHandlerReadings): OperatingState {
  const heating = sample.heating_valve > 0;
  const cooling = sample.cooling_valve > 0;
  const damper = sample.oa_damper;
  const atMinimum = damper <= 100 * outdoorAirMin;
  if (heating && !cooling && atMinimum) return 1;
  if (!heating && !cooling && !atMinimum && damper < 100) return 2;
  if (!heating && cooling && damper === 100) return 3;
  if (!heating && cooling && atMinimum) return 4;
  return 5;
}

function conditionsOf(state: OperatingState, sample: AirHandlerReadings, mean: Averages): Record<string, boolean> {
  const { sat, sat_sp: setpoint, oat, mat, rat } = mean;
  const in_ = (...states: OperatingState[]) => states.includes(state);
  const share = (mat - rat) / (oat - rat);
  const bothErrors = Math.hypot(supplyError, mixedError);
  return {
    FC1: mean.duct_static < mean.duct_static_sp - 25 && sample.fan_speed >= 94,
    FC2: mat + mixedError < Math.min(rat - returnError, oat - outdoorError),
    FC3: mat - mixedError > Math.max(rat + returnError, oat + outdoorError),
    FC5: in_(1) && sat + supplyError <= mat - mixedError + fanHeat,
    FC6: in_(1, 4) && Math.abs(rat - oat) >= 6 && Math.abs(share - outdoorAirMin) > 0.3,
    FC7: in_(1) && sat < setpoint - supplyError && sample.heating_valve >= 99,
    FC8: in_(2) && Math.abs(sat - fanHeat - mat) > bothErrors,
    FC9: in_(2) && oat - outdoorError > setpoint - fanHeat + supplyError,
    FC10: in_(3) && Math.abs(mat - oat) > Math.hypot(mixedError, outdoorError),
    FC11: in_(3) && oat + outdoorError < setpoint - fanHeat - supplyError,
    FC12: in_(2, 3, 4) && sat - supplyError - fanHeat >= mat + mixedError,
    FC13: in_(3, 4) && sat > setpoint + supplyError && sample.cooling_valve >= 99,
    // Mixed and supply air stand for the coils' own sensors, so the fan's heat lies between them.
    FC14: in_(1, 2) && mat - sat + fanHeat >= bothErrors + fanHeat,
    FC15: in_(2, 3, 4) && sat - mat - fanHeat >= bothErrors,
  };
}

/** FC4: more than seven changes of the operating state within an hour of running. */
function listHunting(samples: AirHandlerReadings[]): Alarm[] {
  const alarms: Alarm[] = [];
  for (let minute = 60; minute < samples.length; minute += 1) {
    if (changesOfState(samples.slice(minute - 60, minute + 1)) > 7) alarms.push({ condition: 'FC4', minute });
  }
  return alarms;
}

/** How often the operating state changes over consecutive samples; being off counts as a state. */
export function changesOfState(samples: AirHandlerReadings[]): number {
  const states = samples.map((sample) => (sample.fan_status ? operatingState(sample) : 'off'));
  return states.filter((state, index) => index > 0 && state !== states[index - 1]).length;
}

function averagesOf(samples: AirHandlerReadings[]): Averages {
  const mean = (point: keyof Averages) => samples.reduce((sum, sample) => sum + sample[point], 0) / samples.length;
  return {
    sat: mean('sat'),
    sat_sp: mean('sat_sp'),
    oat: mean('oat'),
    mat: mean('mat'),
    rat: mean('rat'),
    duct_static: mean('duct_static'),
    duct_static_sp: mean('duct_static_sp'),
  };
}
