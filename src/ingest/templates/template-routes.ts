import { requireTenant } from '../../access/api-key.ts';
import { readerOf } from '../../access/listing.ts';
import type { Db } from '../../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { changeTemplate, createTemplate, getTemplate, removeTemplate } from './set-template.ts';
import {
  TopicTemplate,
  TopicTemplateBody,
  TopicTemplateChange,
  TopicTemplateQuery,
  TopicTemplateReadout,
  TopicTemplateTest,
  topicTemplateList,
} from './template.ts';
import { listTemplates } from './template-store.ts';
import { tryTemplate } from './try-template.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Telemetry'];
const read = { scope: 'topic-templates:read' } as const;
const write = { scope: 'topic-templates:write' } as const;
const collection = 'topic-templates';

/**
 * Templates of topics: list, one, create, change, delete, and a trial that stores nothing; on the tenant's mount alone. A
 * template may name any site, so a key that is limited to some gets none.
 */
export function templateRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readRoutes(app, mount, needs);
  writeRoutes(app, mount, needs);
  trialRoute(app, mount, needs);
}

function readRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: 'listTopicTemplates',
    summary: 'List the forms of topics that devices of the tenant use, newest first',
    tags,
    querystring: TopicTemplateQuery,
    response: { 200: mount.pageOf(TopicTemplate) },
  };
  app.get(mount.list(collection), { config: read, schema: list }, async (request, reply) => {
    const tenantId = requireTenant(request.area.caller);
    const { page } = paging.list(topicTemplateList, request.query, readerOf(request.area));
    const rows = await listTemplates(db, tenantId, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: 'getTopicTemplate',
    summary: 'Get one form of topics',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(TopicTemplate) },
  };
  app.get(mount.member(collection), { config: read, schema: one }, async (request, reply) =>
    shell.send(request, reply, mount.one(await getTemplate(db, requireTenant(request.area.caller), request.params.id))),
  );
}

function writeRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const creation = {
    operationId: 'createTopicTemplate',
    summary: 'Say how topics and payloads of a form of your own are read',
    tags,
    body: TopicTemplateBody,
    response: { 201: mount.oneOf(TopicTemplate) },
  };
  app.post(mount.list(collection), { config: write, schema: creation }, async (request, reply) => {
    const { area, body } = request;
    requireTenant(area.caller);
    return shell.transact(request, reply, async (trx) =>
      mount.created(request, await createTemplate(trx, body, { area, at: shell.now() })),
    );
  });
  const change = {
    operationId: 'changeTopicTemplate',
    summary: 'Change a form of topics; the next messages are read by it',
    tags,
    params: mount.memberParams,
    body: TopicTemplateChange,
    response: { 200: mount.oneOf(TopicTemplate) },
  };
  app.patch(mount.member(collection), { config: write, schema: change }, async (request, reply) => {
    const { area, body, headers, params } = request;
    requireTenant(area.caller);
    const which = { area, body, id: params.id, ifMatch: headers['if-match'], at: shell.now() };
    return shell.transact(request, reply, async (trx) => mount.one(await changeTemplate(trx, which)));
  });
  const removal = {
    operationId: 'deleteTopicTemplate',
    summary: 'Delete a form of topics; what was read by it stays',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(mount.member(collection), { config: write, schema: removal }, async (request, reply) => {
    const { area, headers, params } = request;
    requireTenant(area.caller);
    return shell.transact(request, reply, async (trx) => {
      await removeTemplate(trx, { area, id: params.id, ifMatch: headers['if-match'] });
      return deleted;
    });
  });
}

function trialRoute(app: RouteScope, mount: Mount, { db, shell }: Needs): void {
  const schema = {
    operationId: 'testTopicTemplate',
    summary: 'See what a message would become, by a form of topics that is not stored, or by those that are',
    description: 'Stores nothing, and may be repeated.',
    tags,
    body: TopicTemplateTest,
    response: { 200: mount.oneOf(TopicTemplateReadout) },
  };
  app.post(`/${collection}/test`, { config: read, schema }, async (request, reply) => {
    const tenantId = requireTenant(request.area.caller);
    const readout = await tryTemplate(db, { tenantId, body: request.body, at: shell.now() });
    return shell.send(request, reply, mount.found(readout));
  });
}
