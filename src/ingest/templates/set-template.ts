/** Templates are checked whole and then written; a mistake is refused at the property that holds it. */
import type { Area } from '../../access/api-key.ts';
import { findSite } from '../../assets/store.ts';
import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { newId } from '../../platform/id.ts';
import { refusals } from '../../platform/refusals.ts';
import { type CompiledTemplate, compileTemplate } from './compile.ts';
import { shapeOf } from './pattern.ts';
import type { Definition, TopicTemplate, TopicTemplateBody, TopicTemplateChange } from './template.ts';
import {
  deleteTemplate,
  findNeighbours,
  findTemplate,
  insertTemplate,
  lockTemplates,
  updateTemplate,
} from './template-store.ts';

/** Messages of a topic that is not known yet are held against all templates of their tenant. */
const templatesMax = 200;
/** Templates are kept in memory by every process that reads messages. */
const definitionLengthMax = 8_192;

type At = { readonly area: Area; readonly at: Date };

/** Writes a new template; throws validation_failed with every mistake in it, the 201st of a tenant included. */
export async function createTemplate(trx: Db, body: TopicTemplateBody, { area, at }: At): Promise<TopicTemplate> {
  const { tenantId } = area.caller;
  const id = newId();
  const { name = body.pattern.slice(0, 200), enabled } = body;
  const definition = definitionOf(body);
  await lockTemplates(trx, tenantId);
  const { shape, count } = await checkPlace(trx, { tenantId, id, definition });
  if (count >= templatesMax) {
    throw refusals.invalidBody('', 'too_many', `${templatesMax} templates are the most; delete one first`);
  }
  await insertTemplate(trx, { ...definition, tenantId, id, name, enabled, shape, at });
  return getTemplate(trx, tenantId, id);
}

type Which = At & { readonly id: string; readonly ifMatch: string | undefined };

/** Changes what the body gives; what is then the whole template is checked like a new one. */
export async function changeTemplate(
  trx: Db,
  { area, at, id, ifMatch, body }: Which & { body: TopicTemplateChange },
): Promise<TopicTemplate> {
  const { tenantId } = area.caller;
  await lockTemplates(trx, tenantId);
  const before = await requirePresent(trx, { area, id, ifMatch });
  const { name, enabled, ...given } = body;
  const changed = Object.entries(given).filter(([, value]) => value !== undefined);
  const definition = definitionOf({ ...before, ...Object.fromEntries(changed) });
  const { shape } = await checkPlace(trx, { tenantId, id, definition });
  const whole = { ...definition, name: name ?? before.name, enabled: enabled ?? before.enabled };
  if (Object.keys(body).length > 0) await updateTemplate(trx, { ...whole, tenantId, id, shape, at });
  return getTemplate(trx, tenantId, id);
}

/** Deletes a template under the same conditions as a change. */
export async function removeTemplate(trx: Db, { area, id, ifMatch }: Omit<Which, 'at'>): Promise<void> {
  await lockTemplates(trx, area.caller.tenantId);
  await requirePresent(trx, { area, id, ifMatch });
  await deleteTemplate(trx, { tenantId: area.caller.tenantId, id });
}

/** A template of the tenant; throws topic_template_not_found. */
export async function getTemplate(db: Db, tenantId: string, id: string): Promise<TopicTemplate> {
  const found = await findTemplate(db, tenantId, id);
  if (!found) throw refusals.topicTemplateNotFound(id);
  return found;
}

/** What messages would be read by; throws validation_failed with every mistake, and where the site is not the tenant's. */
export async function compileChecked(
  db: Db,
  { tenantId, id, definition }: { tenantId: string; id: string; definition: Definition },
): Promise<CompiledTemplate> {
  const compiled = compileTemplate(id, definition);
  if ('problems' in compiled) throw refusals.invalid(compiled.problems.map((problem) => ({ in: 'body', ...problem })));
  if (definition.site !== null && !(await findSite(db, tenantId, definition.site))) {
    throw refusals.invalidBody('/site', 'not_found', 'there is no such site');
  }
  if (JSON.stringify(definition).length > definitionLengthMax) {
    throw refusals.invalidBody('/pointers', 'too_long', `the whole must be at most ${definitionLengthMax} characters`);
  }
  return compiled.template;
}

/** What is given of a definition, and null or nothing where it is not. */
export function definitionOf(given: {
  pattern: string;
  site?: string | null | undefined;
  asset?: string | null | undefined;
  point?: string | null | undefined;
  format: Definition['format'];
  pointers: Definition['pointers'];
}): Definition {
  const { pattern, site, asset, point, format, pointers } = given;
  // An empty text unsets a property, as null does.
  return { pattern, site: site || null, asset: asset || null, point: point || null, format, pointers };
}

async function checkPlace(
  trx: Db,
  { tenantId, id, definition }: { tenantId: string; id: string; definition: Definition },
): Promise<{ shape: string; count: number }> {
  const { pattern } = await compileChecked(trx, { tenantId, id, definition });
  const shape = shapeOf(pattern);
  const { count, sameShape } = await findNeighbours(trx, { tenantId, id, shape });
  if (sameShape !== undefined) {
    throw refusals.invalidBody('/pattern', 'conflict', `matches the same topics as the template "${sameShape}"`);
  }
  return { shape, count };
}

async function requirePresent(trx: Db, { area, id, ifMatch }: Omit<Which, 'at'>): Promise<TopicTemplate> {
  const found = await getTemplate(trx, area.caller.tenantId, id);
  requireMatch(ifMatch, found.updated_at);
  return found;
}
