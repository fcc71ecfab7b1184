/** The forms that settings may have, each read from its text. */
import { z } from 'zod';
import { readDays } from './kept-days.ts';

export const port = z
  .string()
  .regex(/^\d{1,5}$/)
  .transform(Number)
  .pipe(z.number().max(65_535));

export const aPort = 'a port from 0 (any free one) to 65535';
export const connections = z.coerce.number().int().min(1).max(1_000_000);

const durationMsMax = 24 * 3_600_000;

/** `10s`, `250ms`, `1m`, `2h`, as milliseconds; a day at most. */
export const duration = z
  .string()
  .regex(/^\d+(\.\d+)?(ms|s|m|h|d)$/)
  .transform(durationMs)
  .refine((ms) => ms > 0 && ms <= durationMsMax);

const bytesMin = 1_000_000;

/** `500MB`, `2GB`, as bytes. */
export const bytes = z
  .string()
  .regex(/^\d+(\.\d+)?(MB|GB)$/)
  .transform((text) => Math.round(Number.parseFloat(text) * (text.endsWith('GB') ? 1e9 : 1e6)))
  .refine((count) => count >= bytesMin && Number.isSafeInteger(count));

export const optionalText = z
  .string()
  .optional()
  .transform((text) => (text === '' ? undefined : text));

export const keptDays = z
  .string()
  .refine((given) => readDays(given) !== undefined)
  .transform((given) => readDays(given) as number);

function durationMs(text: string): number {
  const units: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  return Number(amount) * (units[unit] ?? Number.NaN);
}
