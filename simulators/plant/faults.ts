/**
 * The faults that a plant can suffer. A fault changes a part of the physics and nothing else: what people see follows
 * from the air, the water and the controllers. Each is switched on and off while the plant runs.
 *
 * | fault | what intensity means | default |
 * |---|---|---|
 * | damper-stuck | where the outdoor-air damper stands, 0 shut to 1 open | 1 |
 * | cooling-valve-leaking, heating-valve-leaking | share of half the design water flow that passes a shut valve | 1 |
 * | cooling-valve-stuck | where the valve stands, 0 shut to 1 open | 1 |
 * | sensor-drift | multiple of 6 K an hour by which the reading walks upwards, to at most 12 K | 1 |
 * | sensor-flat | without effect: the reading stands still | 1 |
 * | filter-fouled | 0 as new, 1 twelve times the resistance of a new filter | 1 |
 * | bearing-wear | speed of the damage: 1 ruins the bearing in about three minutes, 0.001 in two days | 1 |
 */
const airHandlerFaults = [
  'damper-stuck',
  'cooling-valve-leaking',
  'cooling-valve-stuck',
  'heating-valve-leaking',
  'sensor-drift',
  'sensor-flat',
  'filter-fouled',
] as const;
const pumpFaults = ['bearing-wear'] as const;
export const faultNames = [...airHandlerFaults, ...pumpFaults] as const;

export type AirHandlerFault = (typeof airHandlerFaults)[number];
export type PumpFault = (typeof pumpFaults)[number];
export type FaultName = (typeof faultNames)[number];

/** How a fault is switched on; `point` names the sensor of the two sensor faults. */
export type FaultOptions = { intensity?: number; point?: string };

/** The faults in force, by name, with their intensities; a fault that is not in force has none. */
export type FaultSwitches<Name extends string> = {
  intensity(fault: Name): number | undefined;
  point(fault: Name): string | undefined;
  inject(fault: Name, options?: FaultOptions): void;
  clear(fault: Name): void;
};

/** Whether a fault is one of the air handler's; the others are the pump's. */
export function isAirHandlerFault(fault: FaultName): fault is AirHandlerFault {
  return (airHandlerFaults as readonly string[]).includes(fault);
}

/** An empty switchboard; an intensity outside 0..1 is a RangeError. */
export function createFaultSwitches<Name extends string>(): FaultSwitches<Name> {
  const active = new Map<Name, { intensity: number; point: string | undefined }>();
  return {
    intensity: (fault) => active.get(fault)?.intensity,
    point: (fault) => active.get(fault)?.point,
    inject(fault, options = {}) {
      const intensity = options.intensity ?? 1;
      if (!(intensity >= 0 && intensity <= 1)) {
        throw new RangeError(`fault ${fault}: the intensity is a number from 0 to 1, not ${intensity}`);
      }
      active.set(fault, { intensity, point: options.point });
    },
    clear(fault) {
      active.delete(fault);
    },
  };
}
