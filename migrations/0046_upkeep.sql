-- Work that was done on an insight counts for the time in which it was done; an index that another one serves as well; and events of
-- before what insights have had since.

-- The episode in which work on it was completed last; null: none was, or people have opened it again since.
alter table insight add column work_done_episode integer;
update insight set work_done_episode = episodes
where status <> 'open' and exists (
  select from work_order w where w.insight_id = insight.id and w.deleted_at is null and w.status = 'completed'
);

-- work_order_asset
drop index work_order_of_asset;

-- Every insight was a rule's, and resolved when that no longer saw it.
update event set data = data || jsonb_build_object('source', 'rule', 'ended_at', data -> 'resolved_at')
where subject_kind = 'insight' and not data ? 'source'
  and type in ('insight.opened', 'insight.reopened', 'insight.updated', 'insight.resolved');
