/**
 * The air handler's sensors. `sensor-drift` and `sensor-flat` strike the point they name, or else the mixed-air and the
 * supply-air temperature.
 */
import type { AirHandlerFault, FaultSwitches } from './faults.ts';
import { createRandom } from './random.ts';
import { createSensor, type Sensor } from './sensor.ts';

const makes = {
  sat: { noise: 0.05, lagSeconds: 20, digits: 2 },
  oat: { noise: 0.05, lagSeconds: 60, digits: 2 },
  mat: { noise: 0.08, lagSeconds: 30, digits: 2 },
  rat: { noise: 0.05, lagSeconds: 30, digits: 2 },
  duct_static: { noise: 1.5, lagSeconds: 3, digits: 1 },
  filter_dp: { noise: 0.6, lagSeconds: 3, digits: 1 },
  zone_temp: { noise: 0.03, lagSeconds: 60, digits: 2 },
} as const;

type SensorPoint = keyof typeof makes;

/** Names of the points that a sensor fault can strike. */
export const sensorPoints = Object.keys(makes);

/** One sensor a point, each with a stream of noise of its own. */
export function createAirHandlerSensors(options: {
  seed: number;
  faults: FaultSwitches<AirHandlerFault>;
}): Record<SensorPoint, Sensor> {
  const { seed, faults } = options;
  const build = (point: SensorPoint): Sensor =>
    createSensor({
      ...makes[point],
      random: createRandom(seed, `sensor/${point}`),
      failure: () => ({
        driftIntensity:
          (faults.point('sensor-drift') ?? 'mat') === point ? faults.intensity('sensor-drift') : undefined,
        flat: (faults.point('sensor-flat') ?? 'sat') === point && faults.intensity('sensor-flat') !== undefined,
      }),
    });
  return {
    sat: build('sat'),
    oat: build('oat'),
    mat: build('mat'),
    rat: build('rat'),
    duct_static: build('duct_static'),
    filter_dp: build('filter_dp'),
    zone_temp: build('zone_temp'),
  };
}
