import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What ingest counts; every reading and message that comes in ends in exactly one of them. */
export function createIngestCounters(registry: Registry) {
  const registers = [registry];
  const counter = <Label extends string = never>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name: `faultline_ingest_${name}_total`, help, registers, labelNames });
  const gauge = (name: string, help: string) => new Gauge({ name: `faultline_ingest_${name}`, help, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `faultline_ingest_${name}`, help, buckets, registers });
  return {
    received: counter('messages_received', 'Messages that a door has taken, by quality of service', 'qos'),
    recovered: counter('messages_recovered', 'Messages found in the spool at the start'),
    completed: counter(
      'messages_completed',
      'Messages whose transaction has committed, whatever became of their readings, by quality of service',
      'qos',
    ),
    acknowledged: counter('messages_acknowledged', 'Messages acknowledged after their commit'),
    abandoned: counter(
      'messages_abandoned',
      'Messages of quality of service 1 and 2 neither stored nor acknowledged when the program closed',
    ),
    spooled: counter('messages_spooled', 'Messages written to the disk to be committed later'),
    spoolMessages: gauge('spool_messages', 'Messages in the spool'),
    spoolBytes: gauge('spool_bytes', 'Bytes of the spool in use'),
    committed: counter('readings_committed', 'Readings stored'),
    duplicate: counter('readings_duplicate', 'Readings that were there already with the same value'),
    conflict: counter('readings_conflict', 'Readings that were there already with another value, which stays'),
    quarantined: counter('messages_quarantined', 'Rejections of messages, kept or not, by reason', 'reason'),
    suppressed: counter(
      'quarantine_suppressed',
      'Rejections that were counted and not kept, since a device sends too many',
    ),
    dropped: counter('messages_dropped', 'Messages lost: quality of service 0 beyond the limits of the spool'),
    retried: counter('commits_retried', 'Commits tried again because the database was away or refused'),
    retained: counter(
      'messages_retained',
      'Retained messages of an external broker, which were acknowledged and not read since they may be of any age',
    ),
    upstream: gauge('upstream_connected', 'Whether the external broker is connected and subscribed, 1 or 0'),
    forwarded: counter('messages_forwarded', 'Messages that subscribers were to get, once for each'),
    undelivered: counter(
      'messages_undelivered',
      'Messages that a subscriber did not get, or will not, by reason',
      'reason',
    ),
    retainedBytes: gauge('retained_bytes', 'What is retained for subscribers to come, in bytes'),
    refused: counter(
      'connections_refused',
      'Connections that were refused or ended by the broker, by reason',
      'reason',
    ),
    waiting: gauge('messages_waiting', 'Messages not committed yet'),
    connections: gauge('connections', 'Open connections of devices'),
    batch: histogram('commit_readings', 'Readings in a commit', [1, 10, 100, 1_000, 2_000, 5_000, 10_000]),
    commit: histogram('commit_seconds', 'How long a commit took', [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5]),
    lag: histogram(
      'lag_seconds',
      "From the newest reading's device time to its commit",
      [0.01, 0.05, 0.1, 0.5, 1, 5, 60, 3_600],
    ),
  };
}

export type IngestCounters = ReturnType<typeof createIngestCounters>;
