/** What is told of items and of the connection as a whole: only what is new, and not more often than anybody reads. */
import type { ItemReport, Trouble } from '../connection.ts';
import { describeShape } from './field-value.ts';
import { bridgeMsOf } from './monitored-items.ts';
import type { CollectorPort } from './port.ts';
import type { Watch, Watches } from './watches.ts';

export type Reporting = {
  changed(watches: Iterable<Watch>): void;
  /** Tells what has not been told yet. */
  flush(): void;
};

const everyMs = 200;

export function createReporting(port: CollectorPort): Reporting {
  const told = new Map<number, string>();
  const pending = new Set<Watch>();
  let timer: NodeJS.Timeout | null = null;

  const flush = () => {
    if (timer) clearTimeout(timer);
    timer = null;
    const reports = [...pending].flatMap(reportsOf).filter((report) => {
      const text = JSON.stringify(report);
      if (told.get(report.itemId) === text) return false;
      told.set(report.itemId, text);
      return true;
    });
    pending.clear();
    if (reports.length > 0) port.reportItems(reports);
  };
  return {
    changed: (watches) => {
      for (const watch of watches) pending.add(watch);
      timer ??= setTimeout(flush, everyMs).unref();
    },
    flush,
  };
}

/** What keeps a connection that works from working wholly; null where nothing does. */
export function findItemTrouble(watches: Watches, bridgeMs: number): Trouble | null {
  const failing: Watch[] = [];
  const polled: Watch[] = [];
  const short: Watch[] = [];
  for (const watch of watches.all()) {
    if (watch.state === 'failing' || watch.state === 'gone' || watch.unreadable.size > 0) failing.push(watch);
    else if (watch.state === 'polled') polled.push(watch);
    else if (watch.state === 'monitored' && (bridgeMsOf(watch) ?? 0) < bridgeMs) short.push(watch);
  }
  const those = (watch: readonly Watch[]) => `${watch.length} of ${watches.size} nodes, such as ${watch[0]?.node},`;
  if (failing.length > 0) {
    return {
      code: 'items_failing',
      detail: `${those(failing)} cannot be read. Each item says why, and is asked for again.`,
    };
  }
  if (polled.length > 0) {
    return {
      code: 'items_polled',
      detail: `The server does not monitor ${those(polled)} so they are read one by one, and an outage leaves a gap.`,
    };
  }
  if (short.length > 0) {
    return {
      code: 'queues_shorter',
      detail: `The server's queues for ${those(short)} bridge ${bridgeMsOf(short[0] as Watch)} ms of the ${bridgeMs} ms that are asked for.`,
    };
  }
  return null;
}

function reportsOf(watch: Watch): ItemReport[] {
  return watch.items.map(({ id }) => {
    const why = watch.unreadable.get(id);
    return {
      itemId: id,
      state: why === undefined ? watch.state : 'failing',
      status: watch.status,
      detail: why ?? ([watch.detail, watch.shapeNote].filter(Boolean).join(' ') || null),
      dataType: watch.shape < 0 ? null : describeShape(watch.shape),
      revisedSamplingMs: watch.state === 'monitored' ? watch.revisedSamplingMs : null,
      revisedBridgeMs: watch.state === 'monitored' ? bridgeMsOf(watch) : null,
    };
  });
}
