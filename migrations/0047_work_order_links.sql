-- What work orders are to each other beside sub-tasks: one stands in the way of another, is the same as it, or has to do with it.
create table work_order_link (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  -- from_id blocks, is a duplicate of, is related to: to_id.
  kind text not null check (kind in ('blocks', 'duplicate_of', 'related_to')),
  from_id uuid not null references work_order,
  to_id uuid not null references work_order check (to_id <> from_id),
  created_by uuid references app_user,
  metadata jsonb not null default '{}',
  external_id text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- Two are so to each other once, whichever of them says it.
create unique index work_order_link_pair on work_order_link (tenant_id, kind, least(from_id, to_id), greatest(from_id, to_id));
create index work_order_link_from on work_order_link (tenant_id, from_id);
create index work_order_link_to on work_order_link (tenant_id, to_id);
select hold_to_tenant('work_order_link');
