/**
 * Air and water in a finned coil: counter-flow effectiveness as a function of the number of transfer units (NTU; ASHRAE
 * Handbook, Fundamentals, heat exchangers). Sensible heat only: condensation is left out, so a cooling coil is a little
 * too good on humid days.
 */
import { airHeatPerM3K, designFlowM3s } from './duct.ts';

type Coil = {
  waterInC: number;
  /** Heat capacity rate of the water at full flow, W/K. */
  waterRateDesign: number;
  /** Conductance at design flow of both sides, W/K. */
  conductanceDesign: number;
};

/** Chilled water of 7 degC: takes 6 m3/s of air from 30 to below 11 degC. */
export const coolingCoil: Coil = { waterInC: 7, waterRateDesign: 20_000, conductanceDesign: 16_000 };
/** Hot water of 60 degC: takes 6 m3/s of air from 5 to above 22 degC. */
export const heatingCoil: Coil = { waterInC: 60, waterRateDesign: 8000, conductanceDesign: 5000 };

const rangeability = 30;

/**
 * Water through an equal-percentage valve as a fraction of design flow. `position` is the stem's, 0..1, and `leak` the
 * fraction that passes when it is shut (IEC 60534-2-1 for the characteristic).
 */
export function waterFraction(position: number, leak: number): number {
  const through = position < 0.005 ? 0 : (rangeability ** position - 1) / (rangeability - 1);
  return leak + (1 - leak) * through;
}

/** Temperature in degC of the air that leaves the coil once it has settled. Flows in m3/s and 0..1 of design water. */
export function leavingAirC(coil: Coil, options: { airInC: number; airM3s: number; water: number }): number {
  const { airInC, airM3s, water } = options;
  if (water < 1e-4 || airM3s < 0.01) return airInC;
  const airRate = airHeatPerM3K * airM3s;
  const waterRate = coil.waterRateDesign * water;
  // Turbulent films on both sides: each resistance follows its own flow to the power of -0.6 and -0.8.
  const conductance = coil.conductanceDesign / (0.5 * (airM3s / designFlowM3s) ** -0.6 + 0.5 * water ** -0.8);
  const least = Math.min(airRate, waterRate);
  const ratio = least / Math.max(airRate, waterRate);
  const effectiveness = counterFlowEffectiveness(conductance / least, ratio);
  return airInC + ((effectiveness * least) / airRate) * (coil.waterInC - airInC);
}

/** Of a counter-flow heat exchanger; `ratio` is the lesser heat capacity rate over the greater. */
export function counterFlowEffectiveness(transferUnits: number, ratio: number): number {
  if (ratio > 0.999) return transferUnits / (1 + transferUnits);
  const decay = Math.exp(-transferUnits * (1 - ratio));
  return (1 - decay) / (1 - ratio * decay);
}
