-- What a name of ours has subscribed to at an external broker, where the session outlives the process: a filter that is no
-- longer wanted at the next start is given back, since the broker does not tell which there are.
create table upstream_subscription (
  client_id text not null,
  filter text not null,
  primary key (client_id, filter)
);
