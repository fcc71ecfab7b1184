/** Secrets at rest: sealed with a key made of SECRET, so that a copy of the database alone gives away none of them. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

export type Sealer = {
  /** Seals a text for one place, such as the id of the row that keeps it; elsewhere it cannot be opened. */
  seal(text: string, place: string): Buffer;
  /** The text that was sealed for this place; throws an error that names SECRET where it is another, or the bytes were changed. */
  open(sealed: Buffer, place: string): string;
};

/** The first byte says how the rest is made: 1 is a nonce of 12 bytes, the text under AES-256-GCM, and a tag of 16. */
const form = 1;
const nonceBytes = 12;
const tagBytes = 16;

/** A sealer with the key that HKDF (RFC 5869) makes of `secret`. */
export function createSealer(secret: string): Sealer {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'faultline secrets at rest', 32));
  return {
    seal: (text, place) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return Buffer.concat([Buffer.of(form), nonce, body, cipher.getAuthTag()]);
    },
    open: (sealed, place) => {
      try {
        if (sealed[0] !== form) throw new Error(`unknown form ${sealed[0]}`);
        const nonce = sealed.subarray(1, 1 + nonceBytes);
        const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
        decipher.setAAD(Buffer.from(place)).setAuthTag(sealed.subarray(-tagBytes));
        const body = sealed.subarray(1 + nonceBytes, -tagBytes);
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
      } catch (cause) {
        throw new Error('a secret cannot be opened: SECRET is another than when it was stored', { cause });
      }
    },
  };
}
