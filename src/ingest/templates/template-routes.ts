import { requireTenant } from '../../access/api-key.ts';
import { type CollectionNeeds, nounRoutes } from '../../access/collection-routes.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
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

const collection = 'topic-templates';

/**
 * Templates of topics: list, one, create, change, delete, and a trial that stores nothing; on the tenant's mount alone. A
 * template may name any site, so a key that is limited to some gets none.
 */
export function templateRoutes(app: RouteScope, mount: Mount, needs: CollectionNeeds): void {
  nounRoutes(app, mount, needs, {
    ...{ path: collection, noun: 'TopicTemplate', nouns: 'TopicTemplates', tag: 'Telemetry' },
    scopes: { read: 'topic-templates:read', write: 'topic-templates:write' },
    isOfTenant: true,
    shown: TopicTemplate,
    list: {
      summary: 'List the forms of topics that devices of the tenant use, newest first',
      of: topicTemplateList,
      query: TopicTemplateQuery,
      find: (db, { caller }, { page }) => listTemplates(db, caller.tenantId, page),
    },
    one: { summary: 'Get one form of topics', get: (db, { caller }, id) => getTemplate(db, caller.tenantId, id) },
    creation: {
      summary: 'Say how topics and payloads of a form of your own are read',
      body: TopicTemplateBody,
      add: (trx, from, body) => createTemplate(trx, body, from),
    },
    change: {
      summary: 'Change a form of topics; the next messages are read by it',
      body: TopicTemplateChange,
      apply: (trx, { area, at }, which) => changeTemplate(trx, { area, at, ...which }),
    },
    removal: {
      summary: 'Delete a form of topics; what was read by it stays',
      remove: (trx, { area }, which) => removeTemplate(trx, { area, ...which }),
    },
  });
  trialRoute(app, mount, needs);
}

function trialRoute(app: RouteScope, mount: Mount, { db, shell }: CollectionNeeds): void {
  const schema = {
    operationId: 'testTopicTemplate',
    summary: 'See what a message would become, by a form of topics that is not stored, or by those that are',
    description: 'Stores nothing, and may be repeated.',
    tags: ['Telemetry'],
    body: TopicTemplateTest,
    response: { 200: mount.oneOf(TopicTemplateReadout) },
  };
  app.post(`/${collection}/test`, { config: { scope: 'topic-templates:read' }, schema }, async (request, reply) => {
    const tenantId = requireTenant(request.area.caller);
    const readout = await tryTemplate(db, { tenantId, body: request.body, at: shell.now() });
    return shell.send(request, reply, mount.found(readout));
  });
}
