-- Equipment by the words of what is known of it: of 20,000 pieces, each asked for its words anew, a search took two seconds.

create index asset_words on asset using gin (search_words(
  name || ' ' || uri || ' ' || coalesce(class, '') || ' ' || description || ' ' || coalesce(manufacturer, '') || ' '
  || coalesce(model, '') || ' ' || coalesce(serial_number, '') || ' ' || coalesce(barcode, '') || ' ' || coalesce(own_external_id, '')));

-- Those of the caller's tenant that have all words of a text; row-level security lets no index find words, so this looks as the owner of
-- the table, for the tenant of the connection and no other.
create function assets_with_words(words text) returns setof uuid
language sql stable security definer set search_path from current as $$
  select id from asset
  where tenant_id = nullif(current_setting('faultline.tenant_id', true), '')::uuid
    and search_words(
      name || ' ' || uri || ' ' || coalesce(class, '') || ' ' || description || ' ' || coalesce(manufacturer, '') || ' '
      || coalesce(model, '') || ' ' || coalesce(serial_number, '') || ' ' || coalesce(barcode, '') || ' ' || coalesce(own_external_id, ''))
      @@ search_query(words)
$$;

create index asset_name on asset (tenant_id, (name collate alphabet), id);
