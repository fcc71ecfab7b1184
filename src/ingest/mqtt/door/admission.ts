/**
 * Who may in: from a CONNECT to a device, or to the reason why not.
 *
 *   CONNECT ─▶ is it one? ─▶ is the client banned? ─▶ credentials ─▶ too often? ─▶ the device
 *
 * A client that connects more than 15 times within a minute is banned for five: two that were given the same client
 * identifier would otherwise throw each other out for ever. It is counted once it has proved who it is, so that nobody can
 * have somebody else banned; and by device and client identifier, so that the others of the same plant, and those that
 * share its credentials, stay as they are.
 */
import type { Device } from '../../../access/device.ts';
import type { Credentials, DeviceAuthenticator, Refusal } from '../../../access/device-authenticator.ts';
import { type Bans, createBans } from '../../../platform/bans.ts';
import type { Log } from '../../../platform/log.ts';
import { type Connect, readConnect } from '../packets/connect-packet.ts';

export type Admission =
  | { readonly device: Device; readonly connect: Connect }
  | {
      readonly refused: string;
      /** CONNACK's return code (MQTT 3.1.1, table 3.1); absent: closed without an answer. */
      readonly returnCode: number | undefined;
      readonly username?: string | undefined;
      readonly error?: string;
    };

export type Admit = (packet: Buffer, from: Pick<Credentials, 'certificateCn' | 'address'>) => Promise<Admission>;

const reconnects = { timesMax: 15, windowMs: 60_000, banMs: 300_000, keysMax: 20_000 };
const unavailable = 3;
const badCredentials = 4;
const notAuthorized = 5;

/** What a device does that is told 3 is to come back; many firmwares give up for good at 4 and at 5. */
const returnCodes: Readonly<Record<Refusal, number>> = {
  anonymous: notAuthorized,
  wrong: badCredentials,
  guessing: unavailable,
  busy: unavailable,
  certificate_unknown: notAuthorized,
  certificate_mismatch: notAuthorized,
};

type Options = {
  readonly authenticator: DeviceAuthenticator;
  /** Whether devices are being sent away, since nothing can be stored. */
  readonly isShedding: () => boolean;
  readonly log: Log;
};

/** Decides about CONNECT packets; rejects never. */
export function createAdmission({ authenticator, isShedding, log }: Options): Admit {
  const bans = createBans(reconnects);
  return async (packet, { certificateCn, address }) => {
    const read = readConnect(packet);
    if ('malformed' in read) return { refused: 'connect_malformed', returnCode: undefined, error: read.malformed };
    if ('returnCode' in read) return { refused: read.reason, returnCode: read.returnCode };
    const { connect } = read;
    const { clientId, username, password } = connect;
    const refuse = (refused: string, returnCode: number) => ({ refused, returnCode, username });
    if (username && !isUsername(username)) return refuse('credentials_wrong', badCredentials);
    const key = banKey(connect, certificateCn);
    if (isShedding()) return refuse('database_away', unavailable);
    if (key !== undefined && bans.isBanned(key, performance.now())) return refuse('banned', unavailable);
    try {
      const outcome = await authenticator.authenticate({ username, password, certificateCn, address });
      if ('refused' in outcome) {
        const refused = refuse(`credentials_${outcome.refused}`, returnCodes[outcome.refused]);
        return certificateCn === undefined ? refused : { ...refused, error: `the certificate is of ${certificateCn}` };
      }
      if (key !== undefined && isTooOften(bans, key)) {
        log.warn({ username: outcome.device.username, clientId, address }, 'a client that keeps connecting was banned');
        return refuse('banned', unavailable);
      }
      return { device: outcome.device, connect };
    } catch (error) {
      return { ...refuse('credentials_unchecked', unavailable), error: (error as Error).message };
    }
  };
}

/** Clients without an identifier are none that could be told apart: a script that connects for each message is one. */
function banKey({ clientId, username }: Connect, certificateCn: string | undefined): string | undefined {
  if (clientId === '') return undefined;
  return JSON.stringify([certificateCn ?? null, certificateCn === undefined ? username : null, clientId]);
}

function isTooOften(bans: Bans, key: string): boolean {
  return bans.note(key, performance.now());
}

/** User names are 1 to 128 characters, none of them a control character, which a database might not even take. */
function isUsername(text: string): boolean {
  return /^\P{Cc}{1,128}$/u.test(text);
}
