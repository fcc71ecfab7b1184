import { requireSite } from '../access/api-key.ts';
import type { CommentSubject, SubjectPlace } from '../comments/comment-subject.ts';
import { refusals } from '../platform/refusals.ts';
import { addComments, lockInsightOf } from './decision-store.ts';
import { findInsight } from './store.ts';

/** Insights as what comments are about. */
export const insightComments: CommentSubject = {
  kind: 'insight',
  collection: 'insights',
  noun: 'Insight',
  words: 'an insight',
  tag: 'Insights',
  scopes: { read: 'insights:read', write: 'insights:write' },
  events: {
    created: 'insight_comment.created',
    updated: 'insight_comment.updated',
    deleted: 'insight_comment.deleted',
  },
  find,
  hold: async (trx, area, id) => {
    const place = await find(trx, area, id);
    await lockInsightOf(trx, { tenantId: area.caller.tenantId, id });
    return place;
  },
  changed: addComments,
};

async function find(...[db, area, id]: Parameters<CommentSubject['find']>): Promise<SubjectPlace> {
  const found = await findInsight(db, area, id);
  if (!found) throw refusals.insightNotFound(id);
  requireSite(area.caller, found.siteId);
  return { siteId: found.siteId, assetId: found.insight.asset_id };
}
