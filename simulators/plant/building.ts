/**
 * The five zones that the air handler serves: four that face the compass and a core, with people from eight to six.
 */
import { hourOf, isOccupied } from './calendar.ts';
import { createZone } from './zone.ts';

export type Building = {
  /** Mean of the zones' air temperatures, degC. */
  temperatureC(): number;
  /** What all terminal boxes let through together, m3/s per root of Pa. */
  conductance(): number;
  /** Stand of the most open terminal damper, 0..1. */
  damperMost(): number;
  step(surroundings: BuildingSurroundings, seconds: number): void;
};

type BuildingSurroundings = {
  plantSeconds: number;
  outdoorC: number;
  sunFraction: number;
  supplyC: number;
  staticPa: number;
};

/** Windows: the hour at which the sun stands before them, none for the core and few for the north. */
const zoneMakes = [
  { sunHour: 12, sunMaxW: 1000, lossWPerK: 220, gainShare: 0.8 },
  { sunHour: 9, sunMaxW: 5000, lossWPerK: 220, gainShare: 0.8 },
  { sunHour: 12, sunMaxW: 6000, lossWPerK: 220, gainShare: 0.8 },
  { sunHour: 16, sunMaxW: 5000, lossWPerK: 220, gainShare: 0.8 },
  { sunHour: 12, sunMaxW: 0, lossWPerK: 40, gainShare: 1 },
];

/** A building whose rooms all stand at a temperature. */
export function createBuilding(options: { startC: number }): Building {
  const zones = zoneMakes.map((make) => ({ ...make, zone: createZone({ startC: options.startC, ...make }) }));
  return {
    temperatureC: () => zones.reduce((sum, { zone }) => sum + zone.temperatureC(), 0) / zones.length,
    conductance: () => zones.reduce((sum, { zone }) => sum + zone.conductance(), 0),
    damperMost: () => Math.max(...zones.map(({ zone }) => zone.damper())),
    step(around, seconds) {
      const { plantSeconds, outdoorC, sunFraction, supplyC, staticPa } = around;
      const occupied = isOccupied(plantSeconds);
      const presence = presenceAt(plantSeconds);
      for (const { zone, sunHour } of zones) {
        const sun = sunFraction * facing(sunHour, hourOf(plantSeconds));
        zone.step({ occupied, outdoorC, sun, presence, supplyC, staticPa }, seconds);
      }
    },
  };
}

/** People and machines: a tenth stays on; they come between seven and nine and go between five and seven. */
function presenceAt(plantSeconds: number): number {
  if (!isOccupied(plantSeconds)) return 0.1;
  const hour = hourOf(plantSeconds);
  const ramp = Math.min(1, Math.max(0, Math.min((hour - 7) / 2, (19 - hour) / 2)));
  return 0.1 + 0.9 * ramp;
}

/** How squarely the sun meets a window, 0..1; a quarter comes as diffuse light at any hour. */
function facing(sunHour: number, hour: number): number {
  return 0.25 + 0.75 * Math.max(0, Math.cos(((hour - sunHour) * Math.PI) / 9));
}
