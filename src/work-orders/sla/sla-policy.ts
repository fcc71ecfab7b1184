import { z } from 'zod';
import { exampleOf, Id, Instant } from '../../platform/fields.ts';
import { priorities } from '../work-order.ts';
import { days, minutesOf } from './business-time.ts';

/** Ninety days, in minutes. */
const minutesMax = 129_600;
const Minutes = z.int().min(1).max(minutesMax).nullable();

const Target = z
  .strictObject({
    priority: z.enum(priorities),
    response_minutes: Minutes.describe('Within how long somebody begins, or at least takes note; null: no promise.'),
    resolution_minutes: Minutes.describe('Within how long it is completed; null: no promise.'),
    hours: z.enum(['24x7', 'business']).describe('Which minutes count: all, or those of the business hours.'),
  })
  .meta({ id: 'SlaTarget' });

const time = (pattern: RegExp) => z.string().regex(pattern, 'must be a time HH:MM');
const Hours = z
  .strictObject({
    day: z.enum(days),
    from: time(/^([01]\d|2[0-3]):[0-5]\d$/),
    to: time(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/),
  })
  .refine(({ from, to }) => from < to, 'must end after it begins')
  .meta({ id: 'BusinessHours' });

const riskPercentUsual = 80;
const hoursUsual = (['mon', 'tue', 'wed', 'thu', 'fri'] as const).map((day) => ({ day, from: '08:00', to: '18:00' }));
/** The least that a week may have: with less, ninety days of it would lie beyond a lifetime. */
const weekMinutesMin = 60;

const fields = {
  targets: z
    .array(Target)
    .max(priorities.length)
    .refine((targets) => areDistinct(targets.map(({ priority }) => priority)), 'must name each priority once at most')
    .describe('At most one for each priority; those that are not named have no promise.'),
  business_hours: z
    .array(Hours)
    .min(1)
    .max(50)
    .refine(doNotOverlap, 'must not overlap')
    .refine((hours) => minutesOfWeek(hours) >= weekMinutesMin, `must be ${weekMinutesMin} minutes a week at least`)
    .describe("On the clock of the work order's site."),
  at_risk_percent: z.int().min(1).max(99).describe('How much of the time has passed when a promise is at risk.'),
};

/** What a tenant promises about its work orders, by priority. */
export const SlaPolicy = z
  .object({ id: Id.describe('That of the tenant.'), ...fields, created_at: Instant, updated_at: Instant })
  .meta({ id: 'SlaPolicy' });
export type SlaPolicy = z.infer<typeof SlaPolicy>;

/** All of a policy, as a PUT gives it. */
export const SlaPolicyBody = z
  .strictObject({
    ...fields,
    business_hours: fields.business_hours.optional().describe('Monday to Friday from 08:00 to 18:00 if absent.'),
    at_risk_percent: fields.at_risk_percent.optional().describe('80 if absent.'),
  })
  .meta({
    id: 'SlaPolicyBody',
    ...exampleOf({
      targets: [
        { priority: 'critical', response_minutes: 30, resolution_minutes: 240, hours: '24x7' },
        { priority: 'high', response_minutes: 120, resolution_minutes: 960, hours: 'business' },
      ],
      business_hours: [{ day: 'mon', from: '07:00', to: '19:00' }],
      at_risk_percent: 75,
    }),
  });

/** What decides the promises: a policy without its dates. */
export type Promises = Pick<SlaPolicy, 'targets' | 'business_hours' | 'at_risk_percent'>;

/** A policy as it is kept, with what its body leaves out. */
export function promisesOf(body: z.output<typeof SlaPolicyBody>): Promises {
  const { targets, business_hours = hoursUsual, at_risk_percent = riskPercentUsual } = body;
  return { targets, business_hours, at_risk_percent };
}

/** What is promised before anybody has said anything: nothing. */
export const nothingPromised: Promises = promisesOf({ targets: [] });

type Hours = z.infer<typeof Hours>;

function doNotOverlap(hours: readonly Hours[]): boolean {
  return hours.every((one, index) =>
    hours.slice(index + 1).every(({ day, from, to }) => day !== one.day || to <= one.from || from >= one.to),
  );
}

function minutesOfWeek(hours: readonly Hours[]): number {
  return hours.reduce((sum, { from, to }) => sum + minutesOf(to) - minutesOf(from), 0);
}

function areDistinct(names: readonly string[]): boolean {
  return new Set(names).size === names.length;
}
