-- What is open now is asked for twice a second, and is little beside all that ever was.
create index insight_open on insight (site_id, asset_id) where status in ('open', 'in_progress', 'snoozed');
