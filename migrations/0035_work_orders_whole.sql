-- A work order whole: who else works on it, when it is planned, what was found and done, what its completion requires, what was
-- promised about it, and how much hangs on it.

alter table work_order
  -- The people who work on it beside assigned_to.
  add column assignees uuid[] not null default '{}',
  add column scheduled_start timestamptz,
  add column scheduled_end timestamptz check (scheduled_end >= scheduled_start),
  add column estimated_minutes integer check (estimated_minutes >= 0),
  -- When it first left the status open.
  add column responded_at timestamptz,
  add column hold_reason text not null default '',
  add column failure_problem text not null default '',
  add column failure_cause text not null default '',
  add column failure_remedy text not null default '',
  -- What was done, or why it was not.
  add column resolution text not null default '',
  add column requires_signature boolean not null default false,
  add column requires_photo boolean not null default false,
  -- By when somebody is to begin and to be done, as the policy of the tenant had it; a risk is told some time before.
  add column sla_response_risk_at timestamptz,
  add column sla_response_due_at timestamptz,
  add column sla_risk_at timestamptz,
  add column sla_due_at timestamptz,
  add column sla_status text check (sla_status in ('ok', 'at_risk', 'breached')),
  -- When the clock changes sla_status next.
  add column sla_next_at timestamptz,
  -- Its deadline, once it has passed while the work order stands.
  add column overdue_at timestamptz,
  -- How much hangs on it, kept by whoever adds or removes some, in the transaction.
  add column comment_count integer not null default 0,
  add column attachment_count integer not null default 0,
  add column photo_count integer not null default 0,
  add column signature_count integer not null default 0,
  add column task_count integer not null default 0,
  add column task_done_count integer not null default 0,
  -- Tasks that have to be done before it is completed, and are not.
  add column task_missing_count integer not null default 0,
  add column labor_minutes integer not null default 0;

update work_order
set responded_at = date_trunc('milliseconds', coalesce(started_at, completed_at, updated_at)) where status <> 'open';
-- A date is due at the last millisecond of its day, so that ranges of dates find it on that day.
update work_order set due_at = due_at - interval '1 millisecond' where due_date ~ '^\d{4}-\d{2}-\d{2}$';

-- The clock asks for these, of all tenants at once.
create index work_order_sla_next on work_order (sla_next_at) where sla_next_at is not null;
create index work_order_due_next on work_order (due_at)
  where overdue_at is null and due_at is not null and deleted_at is null and status in ('open', 'in_progress', 'on_hold');

-- What a tenant promises about its work orders; without a row it promises nothing.
create table sla_policy (
  tenant_id uuid primary key references tenant,
  -- [{priority, response_minutes, resolution_minutes, hours}]
  targets jsonb not null,
  -- [{day, from, to}], on the clock of the site
  business_hours jsonb not null,
  at_risk_percent smallint not null check (at_risk_percent between 1 and 99),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
