/**
 * Outdoor air and sun: a daily sine with its peak at 15:00, weather fronts that last days, gusts that last minutes,
 * clouds that pass. Temperatures in degC, sun as a fraction of a clear noon.
 */
import { hourOf } from './calendar.ts';
import { createDrift, createRandom } from './random.ts';

export const seasons = ['summer', 'winter', 'spring'] as const;
export type Season = (typeof seasons)[number];

export type Weather = {
  outdoorC(): number;
  sunFraction(): number;
  step(plantSeconds: number, seconds: number): void;
};

const climates: Record<
  Season,
  { meanC: number; swingC: number; sunriseHour: number; sunsetHour: number; sun: number }
> = {
  summer: { meanC: 24, swingC: 6, sunriseHour: 5, sunsetHour: 20, sun: 1 },
  winter: { meanC: -4, swingC: 4, sunriseHour: 8, sunsetHour: 17, sun: 0.5 },
  spring: { meanC: 12, swingC: 6, sunriseHour: 6, sunsetHour: 19, sun: 0.8 },
};

/** The weather of a season; `meanC` and `swingC` replace the season's daily mean and half range. */
export function createWeather(options: { seed: number; season: Season; meanC?: number; swingC?: number }): Weather {
  const climate = climates[options.season];
  const meanC = options.meanC ?? climate.meanC;
  const swingC = options.swingC ?? climate.swingC;
  const random = createRandom(options.seed, 'weather');
  const front = createDrift(random, { deviation: 1, memorySeconds: 2 * 86_400 });
  const gust = createDrift(random, { deviation: 0.3, memorySeconds: 1200 });
  const cloud = createDrift(random, { deviation: 0.25, memorySeconds: 2400 });
  let outdoorC = meanC;
  let sunFraction = 0;

  return {
    outdoorC: () => outdoorC,
    sunFraction: () => sunFraction,
    step(plantSeconds, seconds) {
      const hour = hourOf(plantSeconds);
      outdoorC = meanC + swingC * Math.sin((2 * Math.PI * (hour - 9)) / 24) + front.step(seconds) + gust.step(seconds);
      const daylight = (hour - climate.sunriseHour) / (climate.sunsetHour - climate.sunriseHour);
      const elevation = daylight > 0 && daylight < 1 ? Math.sin(Math.PI * daylight) : 0;
      const clearness = Math.min(1, Math.max(0.2, 0.75 + cloud.step(seconds)));
      sunFraction = climate.sun * elevation * clearness;
    },
  };
}
