-- What equipment has cost, in the currency of its tenant, and how long it is meant to last.
alter table asset
  add column purchase_cost double precision check (purchase_cost between 0 and 1e12),
  add column useful_life_years double precision check (useful_life_years between 0 and 1000);
