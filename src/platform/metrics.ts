import { collectDefaultMetrics, Registry } from 'prom-client';

export type Metrics = Registry;

/** The registry of one running program; stages add their own counters to it. Names begin with `faultline_`. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'faultline_' });
  return registry;
}
