import { readerOf } from '../../access/listing.ts';
import { deleted, type Mount, type RouteScope } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { listOverrides } from '../../rules/live/override-store.ts';
import {
  OverrideChange,
  OverrideQuery,
  overrideBody,
  overrideList,
  RuleOverride,
  showOverride,
  switchBody,
} from './override.ts';
import { RuleId } from './rule.ts';
import type { RuleNeeds } from './rule-routes.ts';
import { createOverride, getOverride, removeOverride, setOverride, visibleTo } from './set-override.ts';

const tags = ['Rules'];
const read = { scope: 'rules:read' } as const;
const write = { scope: 'rules:write' } as const;
const collection = 'rule-overrides';

/** Overrides of rules: list, one, create, change, end; and the switches of a rule, which make one each. */
export function overrideRoutes(app: RouteScope, mount: Mount, needs: RuleNeeds): void {
  readingRoutes(app, mount, needs);
  writingRoutes(app, mount, needs);
  switchRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: RuleNeeds): void {
  const list = {
    operationId: mount.operationId('listRuleOverrides'),
    summary: 'List overrides of rules, newest first',
    tags,
    params: mount.listParams,
    querystring: OverrideQuery,
    response: { 200: mount.pageOf(RuleOverride) },
  };
  app.get(mount.list(collection), { config: read, schema: list }, async (request, reply) => {
    const { area } = request;
    const { page, filter } = paging.list(overrideList, request.query, readerOf(area));
    const { rule_id: rule, asset_id: assetId, active } = filter;
    const sought = { rule, assetId, active, siteId: area.site?.id };
    const { rows, total } = await listOverrides(db, visibleTo(area), sought, page);
    const shown = rows.map(({ item, position }) => ({ item: showOverride(item), position }));
    return shell.send(request, reply, mount.page(request, paging.page(page, { rows: shown, total })));
  });
  const one = {
    operationId: mount.operationId('getRuleOverride'),
    summary: 'Get one override of rules',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(RuleOverride) },
  };
  app.get(mount.member(collection), { config: read, schema: one }, async (request, reply) => {
    const record = await getOverride(db, request.area, request.params.id);
    return shell.send(request, reply, mount.one(showOverride(record)));
  });
}

function writingRoutes(app: RouteScope, mount: Mount, { shell, library }: RuleNeeds): void {
  const creation = {
    operationId: mount.operationId('createRuleOverride'),
    summary: 'Set parameters, severity or whether a rule runs, for some equipment and time',
    tags,
    params: mount.listParams,
    body: overrideBody(mount.name),
    response: { 201: mount.oneOf(RuleOverride) },
  };
  app.post(mount.list(collection), { config: write, schema: creation }, async (request, reply) => {
    const setting = { area: request.area, library: await library(), at: shell.now() };
    return shell.transact(request, reply, async (trx) =>
      mount.created(request, await createOverride(trx, request.body, setting)),
    );
  });
  const change = {
    operationId: mount.operationId('changeRuleOverride'),
    summary: 'Change an override of rules from now on',
    tags,
    params: mount.memberParams,
    body: OverrideChange,
    response: { 200: mount.oneOf(RuleOverride) },
  };
  app.patch(mount.member(collection), { config: write, schema: change }, async (request, reply) => {
    const setting = { area: request.area, library: await library(), at: shell.now() };
    const { params, body, headers } = request;
    return shell.transact(request, reply, async (trx) =>
      mount.one(await setOverride(trx, { id: params.id, body, ifMatch: headers['if-match'] }, setting)),
    );
  });
  const removal = {
    operationId: mount.operationId('endRuleOverride'),
    summary: 'End an override of rules now; what it did until now stays on record',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Ended.' } },
  };
  app.delete(mount.member(collection), { config: write, schema: removal }, async (request, reply) => {
    const setting = { area: request.area, library: await library(), at: shell.now() };
    const { params, headers } = request;
    return shell.transact(request, reply, async (trx) => {
      await removeOverride(trx, { id: params.id, ifMatch: headers['if-match'] }, setting);
      return deleted;
    });
  });
}

const switches = [
  { verb: 'enable', enabled: true, summary: 'Switch a rule on, for some equipment and time' },
  { verb: 'disable', enabled: false, summary: 'Switch a rule off, for some equipment and time' },
  {
    verb: 'shadow',
    enabled: 'shadow',
    summary: 'Run a rule on trial: its insights are flagged and open no work orders',
  },
  {
    verb: 'pause',
    enabled: 'paused',
    summary: 'Pause a rule, for some equipment and time: nothing opens, and what is open stays as it is',
  },
] as const;

function switchRoutes(app: RouteScope, mount: Mount, { shell, library }: RuleNeeds): void {
  for (const { verb, enabled, summary } of switches) {
    const schema = {
      operationId: mount.operationId(`${verb}Rule`),
      summary,
      tags,
      params: mount.namedParams(RuleId),
      body: switchBody(mount.name),
      response: { 201: mount.oneOf(RuleOverride) },
    };
    app.post(mount.member('rules', `/${verb}`), { config: write, schema }, async (request, reply) => {
      const { id } = request.params;
      const known = await library();
      if (!known.find(id)) throw refusals.ruleNotFound(id);
      const setting = { area: request.area, library: known, at: shell.now() };
      const body = { ...request.body, rule_id: id, enabled };
      return shell.transact(request, reply, async (trx) =>
        createdElsewhere(mount, request, await createOverride(trx, body, setting)),
      );
    });
  }
}

/** 201 for an override that was made below a rule: it lies among the overrides. */
function createdElsewhere(mount: Mount, request: Parameters<Mount['created']>[0], made: RuleOverride) {
  const answer = mount.created(request, made);
  const location = (answer.headers.location ?? '').replace(/\/rules\/[^/]+\/\w+\/([^/]+\/?)$/, `/${collection}/$1`);
  return { ...answer, headers: { ...answer.headers, location } };
}
