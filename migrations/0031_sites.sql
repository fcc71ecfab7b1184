-- What people change of a site has a version, as everything else that they change.
alter table site add column updated_at timestamptz;
update site set updated_at = created_at;
alter table site alter column updated_at set default now(), alter column updated_at set not null;
