-- How a device proves who it is, and what it may hear: a password, a client certificate, or both; nothing by default.
alter table device
  alter column password_argon2id drop not null,
  -- The common name of its client certificate; unique in the whole installation, as a user name is, since it decides the tenant.
  add column certificate_cn text unique,
  -- Topic filters that the device may subscribe within; none means nothing.
  add column subscribe_grants text[] not null default '{}';
