-- The currency of a tenant's amounts (ISO 4217); null: nobody has said.
alter table tenant add column currency text check (currency ~ '^[A-Z]{3}$');
