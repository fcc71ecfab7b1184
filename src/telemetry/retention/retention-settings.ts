import { type Config, ConfigError } from '../../platform/config.ts';
import { findDisorder, type Keep, type KeptTable } from './retention.ts';

const settingOf = {
  reading: 'RETAIN_RAW',
  rollup_1m: 'RETAIN_MINUTES',
  rollup_15m: 'RETAIN_QUARTER_HOURS',
  rollup_1h: 'RETAIN_HOURS',
} as const satisfies Record<KeptTable, keyof Config>;

/** How long the installation keeps telemetry; throws where a roll-up would go before what it was made of. */
export function keepOfSettings(config: Pick<Config, (typeof settingOf)[KeptTable]>): Keep {
  const keep = {
    reading: config.RETAIN_RAW,
    rollup_1m: config.RETAIN_MINUTES,
    rollup_15m: config.RETAIN_QUARTER_HOURS,
    rollup_1h: config.RETAIN_HOURS,
  };
  const disorder = findDisorder(keep);
  if (disorder === undefined) return keep;
  const [shorter, longer] = [settingOf[disorder.table], settingOf[disorder.before]];
  throw new ConfigError(`${shorter} must not be shorter than ${longer}: a roll-up outlives what it was made of`);
}
