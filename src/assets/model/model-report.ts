import { z } from 'zod';
import type { ImportModel } from './building-model.ts';

const Count = z.int().nonnegative();
const Rows = z.object({
  in_model: Count,
  created: Count,
  updated: Count.describe('Rows that were there and are different now.'),
  unchanged: Count,
  adopted: Count.describe(
    'Of those that were there, the ones that telemetry or a person had made under the same name.',
  ),
  vanished: Count.describe('Rows of an earlier import of this source that the model no longer has; they stay.'),
});
type Rows = z.infer<typeof Rows>;

/** What an import understood of a building model, what it did not, and what it changed. */
export const ModelReport = z
  .object({
    format: z.enum(['brick', 'haystack']),
    source: z.string().describe('The name under which a later import of the same model finds these rows again.'),
    dry_run: z.boolean(),
    sites: z.array(z.object({ slug: z.string(), name: z.string(), time_zone: z.string(), created: z.boolean() })),
    locations: Rows,
    equipment: Rows,
    points: Rows,
    relations: z.object({ in_model: Count, created: Count, removed: Count }),
    understood: z.object({
      things: Count.describe('Typed things of the model.'),
      exactly: Count.describe('Of these, how many have a class that is known, under this name or another.'),
      in_general: Count.describe('Only their kind is known: a Setpoint, a Status.'),
      not_at_all: Count,
    }),
    classes: z.array(
      z.object({
        name: z.string(),
        count: Count,
        class: z.string().nullable(),
        how: z.string().describe('How the name was read.'),
      }),
    ),
    findings: z.array(z.object({ code: z.string(), message: z.string(), count: Count, examples: z.array(z.string()) })),
    vanished: z
      .object({ equipment: z.array(z.string()), points: z.array(z.string()) })
      .describe('The first hundred of each.'),
  })
  .meta({ id: 'ModelReport' });
export type ModelReport = z.infer<typeof ModelReport>;

/** How many things of a model have a class that was understood. */
export function countUnderstood(model: ImportModel): ModelReport['understood'] {
  const sum = (classes: ImportModel['classes']) => classes.reduce((total, { count }) => total + count, 0);
  const not = sum(model.classes.filter((one) => one.class === null));
  const general = sum(model.classes.filter((one) => one.class !== null && one.how === 'kind'));
  const things = sum(model.classes);
  return { things, exactly: things - not - general, in_general: general, not_at_all: not };
}

/** The report as lines for a person. */
export function formatReport(report: ModelReport): string[] {
  const { understood } = report;
  const percent = understood.things === 0 ? 100 : Math.floor((100 * understood.exactly) / understood.things);
  const sites = report.sites.map((site) => `${site.slug} (${site.time_zone}${site.created ? ', new' : ''})`);
  return [
    `${report.dry_run ? 'A dry run; nothing was changed. ' : ''}Site ${sites.join(', ')}`,
    rowsLine('places', report.locations),
    rowsLine('equipment', report.equipment),
    rowsLine('points', report.points),
    `relations  ${report.relations.in_model} in the model: ${report.relations.created} created, ${report.relations.removed} removed`,
    `Understood: ${understood.exactly} of ${understood.things} classed things (${percent} %); ${understood.in_general} in general, ${understood.not_at_all} not at all`,
    ...classLines(report, 'not understood', ({ class: name }) => name === null),
    ...classLines(report, 'understood in general', ({ class: name, how }) => name !== null && how === 'kind'),
    ...classLines(report, 'read as another name', ({ how }) => ['replaced', 'words', 'part', 'declared'].includes(how)),
    ...report.findings.map(
      ({ code, message, count, examples }) => `${count} x ${code}: ${message}; ${examples.slice(0, 3).join(' | ')}`,
    ),
    ...vanishedLines(report),
  ];
}

function rowsLine(what: string, rows: Rows): string {
  const parts = [
    `${rows.created} created`,
    `${rows.updated} updated`,
    `${rows.unchanged} unchanged`,
    `${rows.adopted} adopted`,
  ];
  return `${what.padEnd(10)} ${rows.in_model} in the model: ${parts.join(', ')}; ${rows.vanished} of an earlier import vanished`;
}

function classLines(
  report: ModelReport,
  title: string,
  wanted: (one: ModelReport['classes'][number]) => boolean,
): string[] {
  const found = report.classes.filter(wanted);
  return found.length === 0
    ? []
    : [
        `Classes ${title}:`,
        ...found.map(
          ({ name, count, class: read }) =>
            `  ${String(count).padStart(5)}  ${name}${read === null ? '' : ` -> ${read}`}`,
        ),
      ];
}

function vanishedLines({ vanished }: ModelReport): string[] {
  const names = [...vanished.equipment, ...vanished.points];
  return names.length === 0
    ? []
    : [`No longer in the model: ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', ...' : ''}`];
}
