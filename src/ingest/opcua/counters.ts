import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What is counted of OPC-UA; readings are counted with those of all doors. */
export function createOpcuaCounters(registry: Registry) {
  const registers = [registry];
  return {
    received: new Counter({
      name: 'faultline_opcua_values_received_total',
      help: 'Values that servers have sent, from subscriptions and polls',
      registers,
    }),
    committed: new Counter({
      name: 'faultline_opcua_values_committed_total',
      help: 'Values whose transaction has committed, or which are on the disk to be committed later',
      registers,
    }),
    fromHistory: new Counter({
      name: 'faultline_opcua_values_from_history_total',
      help: 'Values read from the history of servers to fill gaps, also those that were there already',
      registers,
    }),
    gaps: new Counter({
      name: 'faultline_opcua_gaps_total',
      help: 'Spans in which samples may be missing, by reason',
      labelNames: ['reason'],
      registers,
    }),
    connections: new Gauge({
      name: 'faultline_opcua_connections',
      help: 'Connections that this process reads, by state',
      labelNames: ['state'],
      registers,
    }),
    lag: new Histogram({
      name: 'faultline_opcua_lag_seconds',
      help: 'From the time at which a server sent values to their commit',
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 60, 3_600],
      registers,
    }),
  };
}

export type OpcuaCounters = ReturnType<typeof createOpcuaCounters>;
