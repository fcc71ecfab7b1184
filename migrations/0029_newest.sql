-- Lists are newest first: of 100,000 points of a tenant the first page took 550 ms without this, and takes 1 ms with it.
create index point_newest on point (tenant_id, created_at desc, id desc);
create index asset_newest on asset (tenant_id, created_at desc, id desc);
