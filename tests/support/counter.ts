import type { Registry } from 'prom-client';

/** The sum of a counter or gauge of ingest over its labels, or of those with one label's value. */
export async function countIn(registry: Registry, name: string, label?: string): Promise<number> {
  const metric = await registry.getSingleMetric(`faultline_ingest_${name}`)?.get();
  const values = (metric?.values ?? []).filter(
    ({ labels }) => label === undefined || Object.values(labels).includes(label),
  );
  return values.reduce((sum, { value }) => sum + value, 0);
}
