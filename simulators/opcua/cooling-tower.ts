/**
 * A cooling tower with a fan behind a frequency converter: water leaves between its entering temperature and the wet bulb,
 * nearer to the wet bulb the faster the fan. Its set-point follows the wet bulb. Scaled fill halves what it exchanges.
 */
import { createPiController } from '../plant/pi-controller.ts';

export type CoolingTower = {
  leavingC(): number;
  setpointC(): number;
  /** 0..1, commanded and turning. */
  fanSpeed(): number;
  step(around: { enteringC: number; wetBulbC: number; flow: number; fouling: number }, seconds: number): void;
};

const basinKg = 4000;
const fanRampSeconds = 60;
const basinHeaterC = 5;

export function createCoolingTower(startC: number): CoolingTower {
  const control = createPiController({ gain: 0.15, integralSeconds: 400, low: 0, high: 1 });
  let leavingC = startC;
  let setpointC = startC;
  let fanSpeed = 0;
  return {
    leavingC: () => leavingC,
    setpointC: () => setpointC,
    fanSpeed: () => fanSpeed,
    step({ enteringC, wetBulbC, flow, fouling }, seconds) {
      // The approach that pays at this wet bulb (CopperTree), within what a chiller's condenser bears.
      setpointC = Math.min(32, Math.max(16, wetBulbC + 10.02 - 0.24 * wetBulbC));
      const wanted = flow > 0 ? control.step(leavingC - setpointC, seconds) : 0;
      const reach = seconds / fanRampSeconds;
      fanSpeed += Math.min(reach, Math.max(-reach, wanted - fanSpeed));
      const effectiveness = (0.12 + 0.55 * fanSpeed ** 0.7) * (1 - 0.55 * fouling);
      const settledC = enteringC - effectiveness * (enteringC - wetBulbC);
      const mixedC = leavingC + (settledC - leavingC) * (1 - Math.exp((-flow * seconds) / basinKg));
      leavingC = Math.max(basinHeaterC, mixedC);
    },
  };
}
