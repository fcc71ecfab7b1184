/**
 * The air path: fan, filter, coils, duct and the dampers of the terminal boxes, in balance at every instant.
 *
 *   fan rise  a n² − b Q²  =  (filter + casing) Q²  +  static pressure in the duct,   static = Q² / G²
 *
 * where n is the fan's speed, Q the flow and G the sum of what the open boxes let through. Pa and m3/s throughout.
 */
export const designFlowM3s = 6;
/** Density times heat capacity of air at 20 degC, J/(m3 K). */
export const airHeatPerM3K = 1.2 * 1006;

const fanShutoffPa = 1100;
const fanCurve = 11;
const casingResistance = 6.9;
const cleanFilterResistance = 2.5;
const fouledFilterTimes = 11;
const fanEfficiency = 0.55;

export type Airflow = { flowM3s: number; staticPa: number; filterPa: number; fanRiseK: number };

/**
 * The flow that a fan at `fanSpeed` (0..1) moves through boxes with a total conductance, m3/s per root of Pa; `fouling` 0..1
 * loads the filter. The fan's losses warm the air, since its motor stands in the stream.
 */
export function balanceAirflow(options: { fanSpeed: number; conductance: number; fouling: number }): Airflow {
  const filterResistance = cleanFilterResistance * (1 + fouledFilterTimes * options.fouling);
  const drivingPa = fanShutoffPa * options.fanSpeed ** 2;
  const resistance = 1 / options.conductance ** 2 + casingResistance + filterResistance + fanCurve;
  const flowM3s = Math.sqrt(drivingPa / resistance);
  const fanPa = drivingPa - fanCurve * flowM3s ** 2;
  return {
    flowM3s,
    staticPa: (flowM3s / options.conductance) ** 2,
    filterPa: filterResistance * flowM3s ** 2,
    fanRiseK: fanPa / (airHeatPerM3K * fanEfficiency),
  };
}

/**
 * Share of outdoor air in the mixed air when the outdoor damper stands at `position` and the return damper, on the same
 * linkage, at 1 - `position`. Shut dampers leak one per cent.
 */
export function outdoorAirFraction(position: number): number {
  return 0.01 + 0.98 * position;
}
