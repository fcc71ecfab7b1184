/**
 * What devices made for ThingsBoard publish (its MQTT device API and gateway API): names and values, with `ts` in
 * milliseconds where they know it.
 *
 *   v1/devices/me/telemetry   {"k": v} · {"ts": …, "values": {"k": v}} · an array of those
 *   v1/gateway/telemetry      {"Device A": [{"ts": …, "values": {"k": v}}], "Device B": …}
 */
import { malformed } from '../quarantine/quarantine.ts';
import { type AssetForm, collectBudgeted, noJson, readEntries } from './decode.ts';
import { isObject, parseJson, textOf } from './payload.ts';
import {
  collectAssets,
  type Decoded,
  type DecodedAssets,
  type Found,
  refused,
  samplesMax,
  tooMany,
  whollyRefused,
} from './sample.ts';
import type { Arrived } from './sample-time.ts';

const deviceForm: AssetForm = {
  timeName: 'ts',
  hasQuality: false,
  said: 'telemetry of a device is {"name": 21.5, …} or {"ts": 1735689600000, "values": {"name": 21.5, …}}, or an array of those',
};
const gatewayForm: AssetForm = {
  ...deviceForm,
  said: 'telemetry of a gateway is {"device": [{"ts": 1735689600000, "values": {"name": 21.5, …}}], …}',
};

/** Reads the payload of `v1/devices/me/telemetry`. */
export function decodeDevice(payload: Buffer, arrived: Arrived): Decoded {
  const text = textOf(payload);
  if (typeof text !== 'string') return refused(text);
  return collectBudgeted(parseJson(text), { form: deviceForm, arrived, found: [] });
}

/** Reads the payload of `v1/gateway/telemetry`; a message of too many readings is refused as a whole. */
export function decodeGateway(payload: Buffer, arrived: Arrived): DecodedAssets {
  const text = textOf(payload);
  if (typeof text !== 'string') return whollyRefused(text);
  const parsed = parseJson(text);
  if (parsed === undefined) return whollyRefused(malformed(noJson(gatewayForm.said)));
  if (!isObject(parsed) || Object.keys(parsed).length === 0) return whollyRefused(malformed(gatewayForm.said));
  const assets = new Map<string, Found[]>();
  let count = 0;
  for (const asset of Object.keys(parsed)) {
    const found: Found[] = [];
    const refusal = readEntries(parsed[asset], { form: gatewayForm, arrived, found });
    count += Math.max(found.length, 1);
    if (count > samplesMax || refusal?.reason === 'too_many_readings') return whollyRefused(tooMany);
    assets.set(asset, refusal ? [refusal] : found);
  }
  return collectAssets(assets);
}
