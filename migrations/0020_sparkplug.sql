-- What edge nodes of Sparkplug B and their devices have said in their births, so that a program that has just started
-- understands messages that name their metrics by alias only. One row for each node (device_id '') and each device.
create table sparkplug_birth (
  tenant_id uuid not null references tenant,
  group_id text not null,
  edge_node_id text not null,
  device_id text not null,
  -- The asset that it is, named once for all: no two edge nodes write to one asset by having devices of the same name.
  site_id uuid not null references site,
  asset_name text not null,
  -- named: no birth yet; live; void: its node was born again, and it not yet; dead.
  state text not null default 'named' check (state in ('named', 'live', 'void', 'dead')),
  -- Of a node: the number by which a death tells which birth it ends.
  bd_seq integer,
  born_at timestamptz,
  died_at timestamptz,
  -- [[name, datatype, alias or null], …]
  metrics jsonb not null default '[]',
  -- A digest of what its points were last described with: after an outage a thousand births come that say nothing new.
  described text not null default '',
  primary key (tenant_id, group_id, edge_node_id, device_id),
  unique (site_id, asset_name)
);
