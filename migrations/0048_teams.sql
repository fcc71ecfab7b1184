-- Teams, to which work is given by name: the text that a work order has always had, and now the team of that name.
create table team (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null,
  description text not null default '',
  members uuid[] not null default '{}',
  metadata jsonb not null default '{}',
  external_id text,
  -- Gone from every list; work orders go on naming it.
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create unique index team_name on team (tenant_id, lower(name)) where deleted_at is null;
create index team_newest on team (tenant_id, created_at desc, id desc);
select hold_to_tenant('team');

alter table work_order add column team_id uuid references team;
create index work_order_team on work_order (tenant_id, team_id, created_at desc, id desc)
where team_id is not null and deleted_at is null;
