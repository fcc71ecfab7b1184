/**
 * What somebody would write by hand instead of the rule engine, for these ten rules on these ten points and for nothing else: no
 * staleness, no bounds, no unknown values, no suppression, no restart, no words. It shows what the general way costs.
 */
import { pointCount } from './rules-plant.ts';

export type Closure = {
  /** One minute of one asset, whose ten values begin at `at` in `values`. */
  step(asset: number, minute: number, values: Float64Array, at: number): void;
  /** How often a fault opened, all assets and rules together. */
  opened(): number;
};

const rules = 10;
const [holdOff, hold, clearHold] = [30, 30, 10];
const span = 5;
/** The points whose means are taken: sat, sat_sp, mat, oat, rat. */
const averaged = 5;

/** The ten rules over so many assets. */
export function createClosure(assets: number): Closure {
  const ring = new Float64Array(assets * averaged * span).fill(Number.NaN);
  const os = new Float64Array(assets).fill(Number.NaN);
  const fan = new Float64Array(assets).fill(Number.NaN);
  const osChanged = new Float64Array(assets);
  const fanChanged = new Float64Array(assets);
  const clock = new Int32Array(assets * rules).fill(-1);
  const firing = new Uint8Array(assets * rules);
  const clearing = new Int32Array(assets * rules).fill(-1);
  let openedCount = 0;
  return { step, opened: () => openedCount };

  function mean(asset: number, point: number): number {
    let [sum, count] = [0, 0];
    for (let i = 0, at = (asset * averaged + point) * span; i < span; i++, at++) {
      const value = ring[at] as number;
      if (!Number.isNaN(value)) {
        sum += value;
        count++;
      }
    }
    return count >= 4 ? sum / count : Number.NaN;
  }

  function step(asset: number, minute: number, values: Float64Array, at: number): void {
    for (let point = 0; point < averaged; point++)
      ring[(asset * averaged + point) * span + (minute % span)] = values[at + point] as number;
    const [rat, oat] = [values[at + 4] as number, values[at + 3] as number];
    const [cc, hc, oad] = [values[at + 5] as number, values[at + 6] as number, values[at + 7] as number];
    const [speed, isOn] = [values[at + 8] as number, values[at + pointCount - 1] as number];
    const [satMean, spMean, matMean] = [mean(asset, 0), mean(asset, 1), mean(asset, 2)];
    const [oatMean, ratMean] = [mean(asset, 3), mean(asset, 4)];
    const state = operatingState(hc, cc, oad);
    if (os[asset] !== state) osChanged[asset] = minute;
    if (fan[asset] !== isOn) fanChanged[asset] = minute;
    os[asset] = state;
    fan[asset] = isOn;
    const osHeld = minute - (osChanged[asset] as number) < holdOff;
    const fanHeld = minute - (fanChanged[asset] as number) < holdOff;
    const low = Math.min(ratMean - 1.5, oatMean - 1.5);
    const high = Math.max(ratMean + 1.5, oatMean + 1.5);
    const off = Math.abs((matMean - ratMean) / (oatMean - ratMean) - oad / 100);
    const rise = Math.abs(satMean - 1.1 - matMean);
    const at0 = asset * rules;
    const [on, s1, s2, s3] = [isOn === 1, state === 1, state === 2, state === 3];
    const s34 = s3 || state === 4;
    run(at0, fanHeld, on && matMean + 3 < low, !on || matMean + 2 > low);
    run(at0 + 1, fanHeld, on && matMean - 3 > high, !on || matMean - 2 < high);
    run(at0 + 2, osHeld, s1 && satMean + 1.5 <= matMean - 3 + 1.1, !s1 || satMean > matMean);
    run(at0 + 3, osHeld, (s1 || state === 4) && Math.abs(rat - oat) >= 5.6 && off > 0.3, off < 0.2);
    run(at0 + 4, osHeld, s1 && hc >= 99 && satMean < spMean - 1, hc < 95 || satMean > spMean - 0.5);
    run(at0 + 5, osHeld, s2 && rise > 3.4, !s2 || rise < 2);
    run(at0 + 6, osHeld, s2 && oatMean - 1.5 > spMean - 1.1 + 1.1, !s2 || oatMean < spMean);
    run(at0 + 7, osHeld, s3 && Math.abs(matMean - oatMean) > 3.4, !s3 || Math.abs(matMean - oatMean) < 2);
    run(at0 + 8, osHeld, s34 && satMean - 1.5 - 1.1 > matMean + 3, satMean < matMean + 2);
    run(at0 + 9, osHeld, s34 && cc >= 50 && speed > 10 && satMean > spMean + 2, cc < 45 || satMean < spMean + 1);
  }

  function run(at: number, isHeld: boolean, condition: boolean, isClear: boolean): void {
    if (firing[at] === 1) {
      if (isHeld) return;
      if (condition || !isClear) clearing[at] = -1;
      else clearing[at] = (clearing[at] as number) + 1;
      if ((clearing[at] as number) >= clearHold) {
        firing[at] = 0;
        clock[at] = -1;
      }
      return;
    }
    if (isHeld || !condition) {
      clock[at] = -1;
      return;
    }
    const held = (clock[at] as number) + 1;
    clock[at] = held;
    if (held < hold) return;
    firing[at] = 1;
    clearing[at] = -1;
    openedCount++;
  }
}

function operatingState(hc: number, cc: number, oad: number): number {
  const [isHeating, isCooling, isLeast, isWide] = [hc > 2, cc > 2, oad <= 22, oad >= 98];
  if (isHeating && !isCooling && isLeast) return 1;
  if (!isHeating && !isCooling && !isLeast && !isWide) return 2;
  if (!isHeating && isCooling && isWide) return 3;
  return !isHeating && isCooling && isLeast ? 4 : 5;
}
