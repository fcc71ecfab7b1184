import type { z } from 'zod';
import { readerOf } from '../../access/listing.ts';
import { isSubclassOf } from '../../assets/brick-classes.ts';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import type { Override } from '../../rules/language/override.ts';
import type { RuleError } from '../../rules/language/rule-error.ts';
import { listTenantOverrides } from '../../rules/live/override-store.ts';
import { listRuleSets } from '../../rules/live/rule-set-store.ts';
import { effectiveOf, type Standpoint } from './effective.ts';
import type { KnownRule, Library } from './library.ts';
import {
  Rule,
  RuleErrorQuery,
  RuleFileError,
  type RuleFilter,
  RuleId,
  RuleQuery,
  RuleSetQuery,
  RuleSetVersion,
  ruleErrorList,
  ruleList,
  ruleSetList,
} from './rule.ts';
import { rowsOfItems } from './sorted-list.ts';

export type RuleNeeds = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly library: () => Promise<Library>;
};

const tags = ['Rules'];
const config = { scope: 'rules:read' } as const;

/** The rules of the deployed version, as overrides leave them for the caller; by id. */
export function ruleRoutes(app: RouteScope, mount: Mount, { db, paging, shell, library }: RuleNeeds): void {
  const list = {
    operationId: mount.operationId('listRules'),
    summary: 'List rules, in the order of their ids',
    tags,
    params: mount.listParams,
    querystring: RuleQuery,
    response: { 200: mount.pageOf(Rule) },
  };
  app.get(mount.list('rules'), { config, schema: list }, async (request, reply) => {
    const { area } = request;
    const { page, filter } = paging.list(ruleList, request.query, readerOf(area));
    const shown = await showRules(db, await library(), standpointOf(request, shell));
    const rules = shown.filter((rule) => matches(rule, filter));
    return shell.send(request, reply, mount.page(request, paging.page(page, rowsOfItems(rules, idOf, page))));
  });
  const one = {
    operationId: mount.operationId('getRule'),
    summary: 'Get one rule',
    tags,
    params: mount.namedParams(RuleId),
    response: { 200: mount.oneOf(Rule) },
  };
  app.get(mount.member('rules'), { config, schema: one }, async (request, reply) => {
    const { id } = request.params;
    const known = await library();
    const rule = known.find(id);
    if (!rule) throw refusals.ruleNotFound(id);
    const standpoint = standpointOf(request, shell);
    const overrides = await listTenantOverrides(db, standpoint.tenantId);
    return shell.send(request, reply, mount.one(showRule(rule, known, { overrides, standpoint })));
  });
}

/** What is wrong with files of rules, and the versions that were deployed: the same for every tenant, on its mount alone. */
export function ruleFileRoutes(app: RouteScope, mount: Mount, { db, paging, shell, library }: RuleNeeds): void {
  const errors = {
    operationId: 'listRuleErrors',
    summary: 'List the mistakes in rule files, in the order of files and lines',
    tags,
    querystring: RuleErrorQuery,
    response: { 200: mount.pageOf(RuleFileError) },
  };
  app.get('/rules/errors', { config, schema: errors }, async (request, reply) => {
    const { page, filter } = paging.list(ruleErrorList, request.query, readerOf(request.area));
    const found = (await library()).errors.filter(
      ({ file, severity }) => (filter.file ?? file) === file && (filter.severity ?? severity) === severity,
    );
    const rows = rowsOfItems(found.map(showError), keyOfError, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const sets = {
    operationId: 'listRuleSets',
    summary: 'List the versions of the rules that were deployed, newest first',
    tags,
    querystring: RuleSetQuery,
    response: { 200: mount.pageOf(RuleSetVersion) },
  };
  app.get('/rule-sets', { config, schema: sets }, async (request, reply) => {
    const { page } = paging.list(ruleSetList, request.query, readerOf(request.area));
    const { rows, total } = await listRuleSets(db, page);
    const versions = rows.map(({ item, position }) => ({
      item: {
        id: item.hash,
        deployed_at: formatInstant(item.deployedAt),
        is_deployed: item.isDeployed,
        file_count: item.fileCount,
        error_count: item.errorCount,
        time_scale: item.timeScale,
        shard_count: item.shards.length,
      },
      position,
    }));
    return shell.send(request, reply, mount.page(request, paging.page(page, { rows: versions, total })));
  });
}

type Asked = { readonly area: { caller: { tenantId: string }; site: { id: string; slug: string } | null } };

function standpointOf({ area }: Asked, { now }: Shell): Standpoint {
  return { tenantId: area.caller.tenantId, site: area.site, atMs: now().getTime() };
}

async function showRules(db: Db, library: Library, standpoint: Standpoint): Promise<Rule[]> {
  const overrides = await listTenantOverrides(db, standpoint.tenantId);
  return library.rules.map((rule) => showRule(rule, library, { overrides, standpoint }));
}

type Given = { readonly overrides: readonly Override[]; readonly standpoint: Standpoint };

function showRule({ rule, content }: KnownRule, library: Library, { overrides, standpoint }: Given): Rule {
  const all = [...library.ruleSet.overrides, ...overrides];
  const changes = all
    .filter((override) => override.rule === rule.id || override.rule === '*')
    .flatMap(({ sinceMs, untilMs }) => [sinceMs, untilMs ?? sinceMs])
    .filter((ms) => Number.isFinite(ms) && ms <= standpoint.atMs);
  return {
    ...content,
    effective: effectiveOf(rule, all, standpoint),
    rule_set: library.hash,
    created_at: formatInstant(library.deployedAt),
    updated_at: formatInstant(new Date(Math.max(library.deployedAt.getTime(), ...changes))),
  };
}

function matches(rule: Rule, { severity, category, tag, class: className, enabled, q }: RuleFilter): boolean {
  if (severity !== undefined && rule.severity !== severity) return false;
  if (category !== undefined && rule.category !== category) return false;
  if (tag !== undefined && !rule.tags.includes(tag)) return false;
  if (className !== undefined && !isSubclassOf(className, rule.class)) return false;
  if (enabled !== undefined && String(rule.effective.enabled) !== enabled) return false;
  if (q === undefined) return true;
  const { id, title, docs, tags, causes, message } = rule;
  const words = [id, title, docs, ...tags, ...causes, message].join(' ').toLowerCase();
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => words.includes(word));
}

function showError({ lineText, help, ...error }: RuleError): z.infer<typeof RuleFileError> {
  return { ...error, help: help ?? null, line_text: lineText };
}

function keyOfError({ file, line, column, message }: z.infer<typeof RuleFileError>): string {
  return [file, String(line).padStart(7, '0'), String(column).padStart(7, '0'), message].join('\0');
}

function idOf({ id }: { id: string }): string {
  return id;
}
