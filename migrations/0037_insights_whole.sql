-- An insight whole: of rules, of other detectors and of people; what people decided about it; and the log of events as it is asked.
--
-- Its status follows from three facts, each of which is kept by itself, so that none is lost when another changes:
--   what its detector says        episodes, ended_at (null while it sees the fault), withdrawn_at
--   what people decided           decision, and until when it is snoozed
--   whether work has begun        work_begun_episode, and the work orders that stand
-- status and resolved_at are written with them, for lists.

alter table insight rename column resolved_at to ended_at;
alter table insight
  -- Those of other detectors and of people have no rule, and may be about equipment of an external graph, or about none.
  alter column rule_id drop not null,
  alter column rule_version drop not null,
  alter column asset_id drop not null,
  -- When people, its detector or its last work order ended it, while its status is resolved.
  add column resolved_at timestamptz,
  -- rule, person, or the name of the detector, which names it by source_id.
  add column source text not null default 'rule',
  add column source_id text,
  add column equipment_uri text not null default '',
  -- How often its detector has told of it; of a rule it is the episodes.
  add column occurrences integer not null default 1,
  add column last_seen_at timestamptz not null default now(),
  -- For lists; what was given by the day comes back as it was given.
  add column cost_per_day double precision generated always as (round((cost_per_hour * 24)::numeric, 9)::double precision) stored,
  add column confidence double precision check (confidence between 0 and 1),
  add column timeseries_ids text[] not null default '{}',
  add column analysis jsonb not null default '{}' check (jsonb_typeof(analysis) = 'object'),
  add column created_by uuid references app_user,
  add column assignee_id uuid references app_user,
  add column acknowledged_at timestamptz,
  add column acknowledged_by uuid references app_user,
  add column decision text check (decision in ('dismissed', 'resolved', 'reopened')),
  add column decided_at timestamptz,
  add column decided_by uuid references app_user,
  add column decided_because text check (decided_because in ('person', 'work_order_completed')),
  add column decided_reason text not null default '',
  -- Resolved and reopened hold for the episodes up to this one: when the fault comes back, that is news.
  add column decided_episode integer,
  add column snoozed_until timestamptz,
  -- The episode in which work on it began; null: it has not, or came to nothing.
  add column work_begun_episode integer,
  -- {request, at}: the work order that its rule asked for, once, while people had put it aside.
  add column withheld_work_order jsonb,
  add column comment_count integer not null default 0,
  add column metadata jsonb not null default '{}',
  add column external_id text,
  add check ((source = 'rule') = (rule_id is not null)),
  add check (rule_id is null or (asset_id is not null and rule_version is not null)),
  add check (decision is null or (decided_at is not null and decided_episode is not null));

update insight set
  resolved_at = case when status = 'resolved' then ended_at end,
  last_seen_at = coalesce(ended_at, opened_at),
  work_begun_episode = case when status = 'in_progress' or exists (
    select from work_order w where w.insight_id = insight.id and w.deleted_at is null and w.status in ('open', 'in_progress', 'on_hold')
  ) then episodes end,
  decision = case when status = 'dismissed' then status end,
  decided_at = case when status = 'dismissed' then updated_at end,
  decided_because = case when status = 'dismissed' then 'person' end,
  decided_episode = case when status = 'dismissed' then episodes end,
  snoozed_until = case when status = 'snoozed' then now() + interval '1 day' end;

create unique index insight_source on insight (tenant_id, site_id, source, source_id) where source_id is not null;
create index insight_status on insight (tenant_id, status, created_at desc, id desc);
create index insight_snoozed on insight (snoozed_until) where status = 'snoozed';

-- The log is asked for what is about a piece of equipment, and for some types.
create index event_asset on event (tenant_id, asset_id, id desc) where asset_id is not null;
create index event_type on event (tenant_id, type, id desc);
