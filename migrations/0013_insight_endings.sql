-- Why an insight ended: cleared by its rule, or since its rule was removed, switched off, or no longer fits the asset; null
-- while it is open. What late readings showed never to have been is withdrawn.

alter table insight add column ended_because text
  check (ended_because in ('cleared', 'rule_removed', 'rule_disabled', 'rule_unbound', 'withdrawn'));
update insight set ended_because = case when withdrawn_at is null then 'cleared' else 'withdrawn' end
where resolved_at is not null;
