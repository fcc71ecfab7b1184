import { verify } from '@node-rs/argon2';
import type { TestApi } from './api.ts';

/** Whether what is kept of a device's password is of this one. */
export async function passwordMatches(
  { database: { db } }: Pick<TestApi, 'database'>,
  { id, password }: { id: string; password: string },
): Promise<boolean> {
  const device = db.selectFrom('device').select('password_argon2id').where('id', '=', id);
  return verify((await device.executeTakeFirstOrThrow()).password_argon2id ?? '', password);
}
