/**
 * A file of readings, from its arrival until all of it is in the database:
 *
 *   receiving ──all of it came──▶ running ──last row committed──▶ done
 *       │                            ├── cannot go on ──▶ failed
 *       └──────── cancel ────────────┴── cancel ──▶ cancelled
 *
 * A program that ends meanwhile finds its running imports at its next start and goes on behind the last committed batch; a
 * file of which only a part came has failed.
 */
import { z } from 'zod';
import { Id, Instant, text } from '../../platform/fields.ts';
import { columns, listOf, listQuery, timestamps } from '../../platform/list-query.ts';

const states = ['receiving', 'running', 'done', 'failed', 'cancelled'] as const;
export type ImportState = (typeof states)[number];

const ImportErrorReply = z
  .object({
    line: z.int().describe('In the file, counted from 1.'),
    column: z.string().nullable(),
    reason: z.string().meta({ example: 'unusable_value' }),
    detail: z.string(),
  })
  .meta({ id: 'ImportError' });

/** An import and how far it has come. */
export const TelemetryImport = z
  .object({
    id: Id,
    state: z.enum(states),
    site: z.string(),
    asset: z.string().nullable().describe('The asset that the request named for all rows.'),
    file_name: z.string().nullable(),
    bytes: z.int().describe('How long the file is, or how much of it has come.'),
    bytes_read: z.int().describe('How much of it is read and committed.'),
    rows_read: z.int(),
    stored: z.int().describe('Readings stored.'),
    duplicates: z.int().describe('Readings that were there already with the same value.'),
    conflicts: z.int().describe('Readings that were there already with another value, which stays: the first wins.'),
    refused: z.int().describe('Readings, and rows as a whole, that were not stored.'),
    errors: z.array(ImportErrorReply).describe('The first 100 refusals.'),
    failure: z.string().nullable().describe('Why it failed.'),
    rows_per_second: z.number().nullable(),
    seconds_left: z
      .number()
      .nullable()
      .describe('About how long it will take, at the pace so far; null unless it is running.'),
    created_at: Instant,
    started_at: Instant.nullable(),
    ended_at: Instant.nullable(),
    updated_at: Instant,
  })
  .meta({ id: 'TelemetryImport' });
export type TelemetryImport = z.infer<typeof TelemetryImport>;

export const importList = listOf({
  name: 'imports',
  id: 'telemetry_import.id',
  columns: {
    ...timestamps('telemetry_import'),
    started_at: columns.instant('telemetry_import.started_at', { isNullable: true }),
    ended_at: columns.instant('telemetry_import.ended_at', { isNullable: true }),
    file_name: columns.text('telemetry_import.file_name', { isNullable: true }),
  },
  words: ['telemetry_import.file_name', 'telemetry_import.asset'],
});

export const ImportQuery = listQuery(importList, { state: z.enum(states).optional() });
export type ImportFilter = { readonly state?: ImportState | undefined };

export const columnsLengthMax = 262_144;

/** What the query of a new import says. */
export const NewImportQuery = z.strictObject({
  site: text(63).optional().describe('The slug of the site that all rows belong to; not below a site.'),
  asset: text(128).optional().describe('The asset of all rows, where the column map names none.'),
  columns: text(columnsLengthMax).optional().describe('The column map, as YAML or JSON, for a body of text/csv.'),
  file_name: text(255).optional().describe('What to call the file.'),
});
export type NewImportQuery = z.output<typeof NewImportQuery>;
