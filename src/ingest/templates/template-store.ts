import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { type Definition, TopicTemplate } from './template.ts';

/** A template as its row has it. */
export type TemplateRecord = Definition & { readonly id: string; readonly name: string; readonly enabled: boolean };

/** Templates of a tenant, newest first. */
export async function listTemplates(db: Db, tenantId: string, page: ListRequest): Promise<Rows<TopicTemplate>> {
  const templates = narrowed(db.selectFrom('topic_template').where('tenant_id', '=', tenantId), page);
  const total = await templates.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(templates.selectAll('topic_template'), page).execute();
  return rowsOf(rows, total, toTemplate);
}

/** One template of a tenant. */
export async function findTemplate(db: Db, tenantId: string, id: string): Promise<TopicTemplate | undefined> {
  const row = await db
    .selectFrom('topic_template')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row && toTemplate(row);
}

/** The enabled templates of tenants, each with its tenant. */
export async function listEnabledTemplates(
  db: Db,
  tenantIds: readonly string[],
): Promise<(TemplateRecord & { readonly tenantId: string })[]> {
  const rows = await db
    .selectFrom('topic_template')
    .select(['id', 'tenant_id', 'name', 'pattern', 'enabled', 'definition'])
    .where('tenant_id', 'in', tenantIds)
    .where('enabled', '=', true)
    .execute();
  return rows.map(({ tenant_id, definition, ...row }) => ({
    ...row,
    ...definitionOf(definition),
    tenantId: tenant_id,
  }));
}

/** Holds the tenant's templates until the transaction ends, and tells everybody who reads by them that they changed. */
export async function lockTemplates(trx: Db, tenantId: string): Promise<void> {
  await trx
    .updateTable('tenant')
    .set({ topic_templates_version: sql`topic_templates_version + 1` })
    .where('id', '=', tenantId)
    .execute();
}

/** How many templates a tenant has beside the one with `id`, and the name of the one that matches the same topics. */
export async function findNeighbours(
  trx: Db,
  { tenantId, id, shape }: { tenantId: string; id: string; shape: string },
): Promise<{ count: number; sameShape: string | undefined }> {
  const others = trx.selectFrom('topic_template').where('tenant_id', '=', tenantId).where('id', '!=', id);
  const { count } = await others.select((all) => all.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const same = await others.select('name').where('shape', '=', shape).executeTakeFirst();
  return { count: Number(count), sameShape: same?.name };
}

type Stored = { readonly tenantId: string; readonly shape: string; readonly at: Date } & TemplateRecord;

/** Adds a template; its shape must be free. */
export async function insertTemplate(trx: Db, { tenantId, at, ...template }: Stored): Promise<void> {
  const { id } = template;
  await trx
    .insertInto('topic_template')
    .values({ id, tenant_id: tenantId, ...columnsOf(template), created_at: at, updated_at: at })
    .execute();
}

/** Writes a template anew; its shape must be free. */
export async function updateTemplate(trx: Db, { tenantId, id, at, ...template }: Stored): Promise<void> {
  await trx
    .updateTable('topic_template')
    .set({ ...columnsOf(template), updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** Deletes a template. */
export async function deleteTemplate(trx: Db, { tenantId, id }: { tenantId: string; id: string }): Promise<void> {
  await trx.deleteFrom('topic_template').where('tenant_id', '=', tenantId).where('id', '=', id).execute();
}

function columnsOf({ name, pattern, shape, enabled, ...template }: Omit<Stored, 'tenantId' | 'id' | 'at'>) {
  const { site, asset, point, format, pointers } = template;
  const definition = JSON.stringify({ site, asset, point, format, pointers });
  return { name, pattern, shape, enabled, definition };
}

function definitionOf(definition: unknown): Omit<Definition, 'pattern'> {
  return definition as Omit<Definition, 'pattern'>;
}

type Row = {
  id: string;
  name: string;
  pattern: string;
  enabled: boolean;
  definition: unknown;
  created_at: Date;
  updated_at: Date;
};

function toTemplate({ id, name, pattern, enabled, definition, created_at, updated_at }: Row): TopicTemplate {
  const instants = { created_at: formatInstant(created_at), updated_at: formatInstant(updated_at) };
  return TopicTemplate.parse({ id, name, pattern, enabled, ...definitionOf(definition), ...instants });
}
