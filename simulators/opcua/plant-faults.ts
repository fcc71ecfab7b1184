/**
 * The faults of the chilled-water plant. As in the other plant, a fault changes a part of the physics or a sensor and nothing
 * else: what people see follows. Each strikes an asset, and the sensor faults one of its points.
 */
export const plantFaults = {
  'condenser-fouled': 'chiller',
  'refrigerant-low': 'chiller',
  'chiller-trip': 'chiller',
  'bypass-open': 'chiller',
  'bearing-wear': 'pump',
  'pump-trip': 'pump',
  'strainer-blocked': 'pump',
  'tower-fouled': 'tower',
  'valve-stuck': 'fan-coil',
  'valve-leaking': 'fan-coil',
  'sensor-drift': 'sensor',
  'sensor-flat': 'sensor',
  'sensor-uncertain': 'sensor',
  'sensor-failed': 'sensor',
} as const;

export type PlantFault = keyof typeof plantFaults;
export type AssetKind = Exclude<(typeof plantFaults)[PlantFault], 'sensor'>;
export const plantFaultNames = Object.keys(plantFaults) as PlantFault[];

/** Where it strikes: by default the first asset that can suffer it, and the first of its sensors. */
export type FaultPlace = { readonly asset?: string; readonly point?: string; readonly intensity?: number };

export type FaultBoard = {
  /** 0 while it is not there. */
  intensity(fault: PlantFault, asset: string, point?: string): number;
  /** A RangeError says what is wrong with the place. */
  inject(fault: PlantFault, place?: FaultPlace): void;
  clear(fault: PlantFault, place?: FaultPlace): void;
  /** Those in force as people write them, `ASSET/NAME[=POINT]:INTENSITY`. */
  list(): string[];
};

/** What can suffer: the assets by kind, and of each the points that a sensor reads. */
export type Sufferers = {
  readonly assets: Readonly<Record<AssetKind, readonly string[]>>;
  sensorsOf(asset: string): readonly string[];
};

export function createFaultBoard({ assets, sensorsOf }: Sufferers): FaultBoard {
  const active = new Map<string, number>();
  const keyOf = (fault: PlantFault, { asset, point }: FaultPlace) => {
    const kind = plantFaults[fault];
    const able = kind === 'sensor' ? Object.values(assets).flat() : assets[kind];
    const struck = asset === undefined ? able[0] : able.find((name) => name.toLowerCase() === asset.toLowerCase());
    if (struck === undefined) {
      throw new RangeError(`fault ${fault}: no asset ${asset} for it; there are ${shortened(able)}`);
    }
    if (kind !== 'sensor') {
      if (point !== undefined) throw new RangeError(`fault ${fault} strikes an asset, and no point of it`);
      return `${struck}/${fault}`;
    }
    const sensors = sensorsOf(struck);
    const sensor =
      point === undefined ? sensors[0] : sensors.find((name) => name.toLowerCase() === point.toLowerCase());
    if (sensor === undefined) {
      throw new RangeError(`fault ${fault}: no sensor ${point} of ${struck}; there are ${shortened(sensors)}`);
    }
    return `${struck}/${fault}=${sensor}`;
  };
  return {
    intensity: (fault, asset, point) =>
      active.get(point === undefined ? `${asset}/${fault}` : `${asset}/${fault}=${point}`) ?? 0,
    inject: (fault, place = {}) => {
      const intensity = place.intensity ?? 1;
      if (!(intensity >= 0 && intensity <= 1)) {
        throw new RangeError(`fault ${fault}: the intensity is a number from 0 to 1, not ${intensity}`);
      }
      active.set(keyOf(fault, place), intensity);
    },
    clear: (fault, place = {}) => {
      active.delete(keyOf(fault, place));
    },
    list: () => [...active].map(([key, intensity]) => `${key}:${intensity}`),
  };
}

function shortened(names: readonly string[]): string {
  return names.length > 12 ? `${names.slice(0, 11).join(', ')}, … ${names.at(-1)}` : names.join(', ');
}
