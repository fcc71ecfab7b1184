/**
 * What was done to devices, by whichever process: a trigger of the table `device` notifies the channel `faultline_device` with
 * the device's id when a change of its credentials, its grants or its home commits. A gap in hearing means that anything may
 * have changed.
 */
import { listenChannel } from '../platform/listen-channel.ts';
import type { Log } from '../platform/log.ts';

export type DeviceChangesOptions = {
  readonly databaseUrl: string;
  readonly log: Log;
  /** The device with this id was changed, or revoked: its sessions and whatever is cached of it are out of date. */
  readonly onChange: (deviceId: string) => void;
  /** Changes may have been missed: everything cached is to be checked again. Called after every gap, the first included. */
  readonly onUnsure: () => void;
};

export type DeviceChanges = { close(): Promise<void> };

/** Listens from now on, and again after every gap; returns at once, also while the database is away. */
export function listenDeviceChanges({ onChange, ...options }: DeviceChangesOptions): DeviceChanges {
  return listenChannel({ ...options, channel: 'faultline_device', onNotified: onChange });
}
