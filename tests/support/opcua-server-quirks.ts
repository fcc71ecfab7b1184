/**
 * What servers do that the library does not, put into its monitored items before the first of them is made.
 *
 * The library reads a node on a timer of its own, so that of two samples a tick apart now and then one is never seen, or is
 * seen twice. Servers of controllers queue each sample that their source makes: here, too, for the numbered nodes.
 */
import { MonitoredItem } from 'node-opcua';

type Sampled = {
  samplingInterval: number;
  queueSize: number;
  _exceptionBased: boolean;
  readonly node: object | null;
  _set_parameters(parameters: unknown): void;
  __start_sampling(recordInitialValue?: boolean): void;
  _on_value_changed(dataValue: unknown, indexRange?: unknown): void;
  _on_value_changed_exception_based(dataValue: unknown, indexRange?: unknown): void;
};

export type Quirks = {
  /** Nodes of which every sample is queued for items that ask for one as often, or more often. */
  readonly isEverySampleQueued: (node: object) => boolean;
  readonly sampleMs: number;
  readonly queueMax: number | undefined;
};

export function installQuirks({ isEverySampleQueued, sampleMs, queueMax }: Quirks): void {
  const prototype = MonitoredItem.prototype as unknown as Sampled;
  const { _set_parameters, __start_sampling, _on_value_changed_exception_based } = prototype;
  const takesAll = (item: Sampled) =>
    item.node !== null && item.samplingInterval <= sampleMs && isEverySampleQueued(item.node);

  prototype.__start_sampling = function (recordInitialValue) {
    if (takesAll(this)) this._exceptionBased = true;
    __start_sampling.call(this, recordInitialValue);
  };
  prototype._on_value_changed_exception_based = function (dataValue, indexRange) {
    if (takesAll(this)) this._on_value_changed(dataValue, indexRange);
    else _on_value_changed_exception_based.call(this, dataValue, indexRange);
  };
  if (queueMax === undefined) return;
  prototype._set_parameters = function (parameters) {
    _set_parameters.call(this, parameters);
    this.queueSize = Math.min(this.queueSize, queueMax);
  };
}
