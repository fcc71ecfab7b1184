-- Row-level security: what the API does on behalf of a caller runs under the role faultline_api, to which every table shows the
-- rows of one tenant, the one that the connection is set to (faultline.tenant_id), and none where it is set to nobody.
--
-- Enabled and not forced. The owner of the tables authenticates callers and runs the jobs, the rules and ingest, for all
-- tenants; forced, it would need a policy that shows it everything, which holds nothing off, and pg_dump, which turns row
-- security off, would refuse to run as the owner.
--
-- The tables of readings and of their roll-ups have no tenant: a series belongs to a point, which has one. TimescaleDB has no
-- policies on a hypertable that is compressed.

do $$
begin
  if not exists (select from pg_roles where rolname = 'faultline_api') then
    begin
      create role faultline_api nologin;
    exception
      -- Another installation on the same server has made it meanwhile.
      when duplicate_object or unique_violation then null;
      when insufficient_privilege then
        raise exception 'the user % may not make the role that row-level security needs; have an administrator of the server run: create role faultline_api nologin; grant faultline_api to %', current_user, quote_ident(current_user)
          using errcode = 'insufficient_privilege';
    end;
  end if;
  -- Being a member is not enough from PostgreSQL 16 on, so it is tried.
  begin
    set local role faultline_api;
    reset role;
  exception when insufficient_privilege then
    begin
      execute format('grant faultline_api to %I', current_user);
      set local role faultline_api;
      reset role;
    exception when insufficient_privilege then
      raise exception 'the user % may not take on the role that row-level security needs; have an administrator of the server run: grant faultline_api to %', current_user, quote_ident(current_user)
        using errcode = 'insufficient_privilege';
    end;
  end;
end
$$;

-- The tenant that the connection is set to; null where it is set to none, and then no row has it.
create function current_tenant() returns uuid language sql stable parallel safe as
  $$ select nullif(current_setting('faultline.tenant_id', true), '')::uuid $$;

-- Shows faultline_api those rows of a table alone that meet the condition, and lets it write no others. A migration that adds a
-- table calls it; of a table that nobody has called it for, that role sees nothing. The tenant is asked for once a statement: a
-- function in place of the subquery would be called for each row wherever the statement itself does not name the tenant.
create function hold_to_tenant(held regclass, condition text default 'tenant_id = (select current_tenant())') returns void
language plpgsql as $$
begin
  execute format('grant select, insert, update, delete on %s to faultline_api', held);
  execute format('alter table %s enable row level security', held);
  execute format('create policy of_tenant on %s to faultline_api using (%s) with check (%s)', held, condition, condition);
end
$$;

do $$
begin
  if not has_schema_privilege('faultline_api', current_schema(), 'usage') then
    execute format('grant usage on schema %I to faultline_api', current_schema());
  end if;
end
$$;

select hold_to_tenant(attrelid)
from pg_attribute join pg_class on pg_class.oid = attrelid
where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p') and pg_has_role(relowner, 'usage')
  and attname = 'tenant_id' and not attisdropped
order by relname;

select hold_to_tenant('tenant', 'id = (select current_tenant())');

-- Parts of something that has a tenant: they are seen with it.
select hold_to_tenant(part, format('exists (select from %s whole where whole.id = %s.%I)', whole, part, key))
from (values
  ('device_session'::regclass, 'device_id', 'device'::regclass),
  ('insight_episode', 'insight_id', 'insight'),
  ('insight_input', 'insight_id', 'insight'),
  ('insight_reading', 'insight_id', 'insight'),
  ('opcua_mapping', 'connection_id', 'opcua_connection'),
  ('opcua_node', 'connection_id', 'opcua_connection'),
  ('point_correction_part', 'correction_id', 'point_correction'),
  ('point_interval', 'point_id', 'point'),
  ('point_merge_conflict', 'merge_id', 'point_merge'),
  ('rule_machine', 'asset_id', 'asset')
) parts (part, key, whole);

-- What is no tenant's and requests need: the rules that are deployed, how far they are evaluated, how telemetry is stored, which
-- processes are alive, and who we are to OPC-UA servers, which is made when it is first asked for.
grant select on
  rule_set, rule_deployment, rule_shard, rule_shard_version, storage_engine, storage_piece, retention_horizon, rollup_progress,
  rollup_dirty, device_process, opcua_application
to faultline_api;
grant insert on opcua_application to faultline_api;
-- What they leave for others to do: shards whose equipment has changed, and times to evaluate or roll up again.
grant select, insert, update on rule_shard_model, ingest_batch, rollup_touched to faultline_api;
-- Tables of telemetry are made by the program, which grants them as it makes them; these were there before.
do $$
declare
  name text;
begin
  foreach name in array array['reading', 'rollup_1m', 'rollup_15m', 'rollup_1h', 'rollup_1d'] loop
    if to_regclass(name) is not null then
      execute format('grant select, insert, update, delete on %I to faultline_api', name);
    end if;
  end loop;
end
$$;
