import { requireSite } from '../../access/api-key.ts';
import { readerOf } from '../../access/listing.ts';
import { findAsset } from '../../assets/store.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { listTenantOverrides } from '../../rules/live/override-store.ts';
import { AssetRuleQuery, assetRuleList, BindingQuery, bindingList, bindingsOf, RuleBinding } from './binding.ts';
import type { Plants } from './plants.ts';
import { RuleId } from './rule.ts';
import type { RuleNeeds } from './rule-routes.ts';
import { rowsOfItems } from './sorted-list.ts';

type Needs = RuleNeeds & { readonly plants: Plants };

const config = { scope: 'rules:read' } as const;
const tags = ['Rules'];

/** Where each rule runs and where it cannot, and the same from the side of one piece of equipment. */
export function bindingRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  ofRule(app, mount, needs);
  ofAsset(app, mount, needs);
}

function ofRule(app: RouteScope, mount: Mount, { db, paging, shell, library, plants }: Needs): void {
  const schema = {
    operationId: mount.operationId('listRuleBindings'),
    summary: 'List the equipment that a rule is for, and whether it runs there; by site and name',
    tags,
    params: mount.namedParams(RuleId),
    querystring: BindingQuery,
    response: { 200: mount.pageOf(RuleBinding) },
  };
  app.get(mount.member('rules', '/bindings'), { config, schema }, async (request, reply) => {
    const { area } = request;
    const { id } = request.params;
    const { page, filter } = paging.list(bindingList, request.query, readerOf(area, id));
    const { ruleSet, leftOut, ...known } = await library();
    const found = known.find(id);
    if (!found) throw refusals.ruleNotFound(id);
    const overrides = await listTenantOverrides(db, area.caller.tenantId);
    const given = { ruleSet, overrides, atMs: shell.now().getTime() };
    const all = (await plants.list(area.caller, area.site?.id ?? null)).flatMap((plant) =>
      plant.assets
        .filter(({ asset }) => filter.asset_id === undefined || asset.id === filter.asset_id)
        .flatMap((asset) => bindingsOf(plant, asset, [found.rule], given))
        .map((binding) => withLeftOut(binding, leftOut)),
    );
    const shown = all.filter(({ status }) => filter.status === undefined || status === filter.status);
    const rows = rowsOfItems(shown, ({ asset_id }) => asset_id, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}

function ofAsset(app: RouteScope, mount: Mount, { db, paging, shell, library, plants }: Needs): void {
  const schema = {
    operationId: mount.operationId('listAssetRules'),
    summary: 'List the rules that are for one piece of equipment, and whether they run there; by id',
    tags,
    params: mount.memberParams,
    querystring: AssetRuleQuery,
    response: { 200: mount.pageOf(RuleBinding) },
  };
  app.get(mount.member('assets', '/rules'), { config, schema }, async (request, reply) => {
    const { area } = request;
    const { id } = request.params;
    const { page, filter } = paging.list(assetRuleList, request.query, readerOf(area, id));
    const asset = await findAsset(db, area, { id });
    if (!asset) throw refusals.assetNotFound(id);
    requireSite(area.caller, asset.siteId);
    const { ruleSet, rules, leftOut } = await library();
    const overrides = await listTenantOverrides(db, area.caller.tenantId);
    const given = { ruleSet, overrides, atMs: shell.now().getTime() };
    const wanted = rules
      .map(({ rule }) => rule)
      .filter(({ category }) => filter.category === undefined || category === filter.category);
    const bindings = (await plants.list(area.caller, asset.siteId))
      .flatMap((plant) => plant.assets.map((one) => ({ plant, one })))
      .filter(({ one }) => one.asset.id === id)
      .flatMap(({ plant, one }) => bindingsOf(plant, one, wanted, given))
      .map((binding) => withLeftOut(binding, leftOut))
      .filter(({ status }) => filter.status === undefined || status === filter.status);
    const rows = rowsOfItems(bindings, ({ rule_id }) => rule_id, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}

/** A binding as it is where the rule runs nowhere. */
function withLeftOut(binding: RuleBinding, leftOut: ReadonlyMap<string, string>): RuleBinding {
  const reason = leftOut.get(binding.rule_id);
  if (reason === undefined) return binding;
  return { ...binding, status: 'cannot_run', missing: [...binding.missing, { input: 'every', reason }] };
}
