import { childRoutes } from '../../access/child-routes.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { workOrders } from '../parts/part.ts';
import type { PartNeeds } from '../parts/part-needs.ts';
import { addLink, getLink, removeLink } from './change-link.ts';
import { LinkBody, LinkQuery, linkList, WorkOrderLink } from './link.ts';
import { listLinks } from './link-store.ts';

/** What a work order is to others: `/work-orders/{id}/links`. */
export function linkRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  childRoutes(app, mount, needs, {
    ...{ parent: workOrders, path: '/links', idName: 'link_id', noun: 'WorkOrderLink', nouns: 'WorkOrderLinks' },
    shown: WorkOrderLink,
    list: {
      summary: 'List what a work order is to others: it blocks one, is a duplicate of it, or has to do with it',
      of: linkList,
      query: LinkQuery,
      find: (db, { area, id: orderId }, asked) => listLinks(db, { caller: area.caller, orderId }, asked),
    },
    one: { summary: 'Get one link of a work order', isAlwaysWhole: true, get: getLink },
    creation: {
      summary: 'Link a work order to another one',
      about:
        'Both show it, each from its own side. Repeatable with an Idempotency-Key for 24 hours; without one, the second time is refused with 409.',
      body: LinkBody,
      add: addLink,
    },
    removal: { summary: 'Take a link between two work orders away, for both', remove: removeLink },
  });
}
