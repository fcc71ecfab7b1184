import type { Expanders } from '../access/listing.ts';
import { mapOfPeople } from '../access/people/user-store.ts';
import { mapOfAssets, mapOfSites } from '../assets/expand-store.ts';
import { mapOfInsights } from '../insights/store.ts';
import type { WorkOrder } from './work-order.ts';
import type { WorkOrderExpansion } from './work-order-query.ts';

/** What `expand` shows along with a work order. */
export const expanders: Expanders<WorkOrder, WorkOrderExpansion> = {
  asset: { scope: 'assets:read', keyOf: ({ asset_id }) => asset_id, load: mapOfAssets },
  assignee: { scope: 'users:read', keyOf: ({ assigned_to }) => assigned_to, load: mapOfPeople },
  insight: { scope: 'insights:read', keyOf: ({ insight }) => insight, load: mapOfInsights },
  site: { scope: 'sites:read', keyOf: ({ site }) => site, load: mapOfSites },
};
