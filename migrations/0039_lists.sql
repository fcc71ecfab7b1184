-- What lists need to be as quick at a million rows as at a thousand: words, exact totals that are not counted, indexes.

-- The words of a text, in small letters: runs of letters and digits. What follows the 64th character of one is not looked at.
create function search_words(texts text) returns tsvector language sql immutable strict parallel safe as $$
  select array_to_tsvector(coalesce(array_agg(distinct left(word, 64)), '{}'))
  from regexp_split_to_table(lower(texts), '[^[:alnum:]]+') as word where word <> ''
$$;

-- Each word of a question begins a word of what is found; null, which finds nothing, where it has none.
create function search_query(words text) returns tsquery language sql immutable strict parallel safe as $$
  select string_agg('''' || left(word, 64) || ''':*', ' & ')::tsquery
  from regexp_split_to_table(lower(words), '[^[:alnum:]]+') as word where word <> ''
$$;

-- The order of texts for people: letters before their marks and their case. A PostgreSQL without ICU has that of its database.
do $$
begin
  create collation alphabet (provider = icu, locale = 'und');
exception when others then
  create collation alphabet from "default";
end
$$;

create index work_order_words on work_order using gin (search_words(coalesce(title, '') || ' ' || coalesce(description, '')))
where deleted_at is null;

-- The work orders of the caller's tenant that have all words of a text. Row-level security lets no index find words, so this
-- looks as the owner of the table, for the tenant of the connection and no other.
create function work_orders_with_words(words text) returns setof uuid
language sql stable security definer set search_path from current as $$
  select id from work_order
  where tenant_id = nullif(current_setting('faultline.tenant_id', true), '')::uuid and deleted_at is null
    and search_words(coalesce(title, '') || ' ' || coalesce(description, '')) @@ search_query(words)
$$;

-- How many work orders there are of each kind: the sum of the differences, which every snapshot sees with the very work orders
-- that it sees. Differences are only ever added, so that no two writers wait for each other; now and then they are summed up.
create table work_order_tally (
  id bigint generated always as identity,
  tenant_id uuid not null references tenant,
  site_id uuid not null references site,
  status text not null,
  priority text not null,
  difference integer not null
);
create index work_order_tally_tenant on work_order_tally (tenant_id, site_id);

insert into work_order_tally (tenant_id, site_id, status, priority, difference)
select tenant_id, site_id, status, priority, count(*) from work_order where deleted_at is null group by 1, 2, 3, 4;

-- Sums up the differences of a tenant that no one else is summing up; what a transaction has not ended with is out of sight.
create function sum_up_work_orders(of_tenant uuid) returns void language sql as $$
  with due as (
    select id from work_order_tally where tenant_id = of_tenant for update skip locked
  ), gone as (
    delete from work_order_tally where tenant_id = of_tenant and id in (select id from due)
    returning site_id, status, priority, difference
  )
  insert into work_order_tally (tenant_id, site_id, status, priority, difference)
  select of_tenant, site_id, status, priority, sum(difference) from gone group by 2, 3, 4 having sum(difference) <> 0
$$;

create function tally_work_orders() returns trigger language plpgsql as $$
declare
  due record;
begin
  if tg_op = 'INSERT' then
    for due in
      insert into work_order_tally (tenant_id, site_id, status, priority, difference)
      select tenant_id, site_id, status, priority, count(*) from after where deleted_at is null group by 1, 2, 3, 4
      returning id, tenant_id
    loop
      if due.id % 64 = 0 then perform sum_up_work_orders(due.tenant_id); end if;
    end loop;
  elsif tg_op = 'DELETE' then
    insert into work_order_tally (tenant_id, site_id, status, priority, difference)
    select tenant_id, site_id, status, priority, -count(*) from before where deleted_at is null group by 1, 2, 3, 4;
  else
    for due in
      insert into work_order_tally (tenant_id, site_id, status, priority, difference)
      select tenant_id, site_id, status, priority, sum(one) from (
        select tenant_id, site_id, status, priority, 1 as one from after where deleted_at is null
        union all
        select tenant_id, site_id, status, priority, -1 from before where deleted_at is null
      ) as change
      group by 1, 2, 3, 4 having sum(one) <> 0
      returning id, tenant_id
    loop
      if due.id % 64 = 0 then perform sum_up_work_orders(due.tenant_id); end if;
    end loop;
  end if;
  return null;
end
$$;
create trigger work_order_inserted after insert on work_order referencing new table as after
for each statement execute function tally_work_orders();
create trigger work_order_updated after update on work_order referencing old table as before new table as after
for each statement execute function tally_work_orders();
create trigger work_order_deleted after delete on work_order referencing old table as before
for each statement execute function tally_work_orders();

-- One index for each order, and for each filter that leaves many rows, in the order that a list has unless it is told another.
create index work_order_status on work_order (tenant_id, status, created_at desc, id desc) where deleted_at is null;
create index work_order_priority on work_order (tenant_id, priority, created_at desc, id desc) where deleted_at is null;
create index work_order_site on work_order (tenant_id, site_id, created_at desc, id desc) where deleted_at is null;
create index work_order_asset on work_order (tenant_id, asset_id, created_at desc, id desc) where deleted_at is null;
create index work_order_assignee on work_order (tenant_id, assigned_to, created_at desc, id desc) where deleted_at is null;
create index work_order_changed on work_order (tenant_id, updated_at, id) where deleted_at is null;
create index work_order_due on work_order (tenant_id, coalesce(due_at, 'infinity'::timestamptz), id) where deleted_at is null;
create index work_order_sla_due on work_order (tenant_id, coalesce(sla_due_at, 'infinity'::timestamptz), id)
where deleted_at is null;
create index work_order_scheduled on work_order (tenant_id, coalesce(scheduled_start, 'infinity'::timestamptz), id)
where deleted_at is null;
create index work_order_completed on work_order (tenant_id, coalesce(completed_at, '-infinity'::timestamptz) desc, id desc)
where deleted_at is null;
create index work_order_title on work_order (tenant_id, (title collate alphabet), id) where deleted_at is null;
create index work_order_rank on work_order (
  tenant_id,
  (case priority when 'none' then 0 when 'low' then 1 when 'medium' then 2 when 'high' then 3 when 'critical' then 4 end),
  id
) where deleted_at is null;
create index work_order_parent on work_order (parent_id) where parent_id is not null;

-- People have a number, too, which is their integer id for those who want one; they are counted from 1 in each tenant.
alter table tenant add column last_user_number integer not null default 0;
alter table app_user add column number integer not null default 0;
update app_user set number = counted.number
from (select id, row_number() over (partition by tenant_id order by created_at, id) as number from app_user) as counted
where counted.id = app_user.id;
update tenant set last_user_number = (select count(*) from app_user where app_user.tenant_id = tenant.id);
alter table app_user add constraint app_user_number unique (tenant_id, number);

create function number_user() returns trigger language plpgsql as $$
begin
  update tenant set last_user_number = last_user_number + 1 where id = new.tenant_id returning last_user_number into new.number;
  return new;
end
$$;
create trigger app_user_numbered before insert on app_user for each row execute function number_user();
