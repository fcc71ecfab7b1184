import { hashSecret } from '../../src/access/api-key.ts';
import { newId } from '../../src/platform/id.ts';
import type { TestApi, World } from './api.ts';
import { enter, makePerson } from './people.ts';

type Example = { readonly key?: string; readonly headers?: Record<string, string> };

const exampleToken = 'ZXhhbXBsZS1vZi1hLXRva2VuLW5vdC1hLXJlYWwtb25l';
const later = () => new Date(Date.now() + 86_400_000);

/** What the document's examples about people name; gives a maker of what one operation needs, anew each time. */
export async function makePeopleExamples(api: TestApi, world: World): Promise<(path: string) => Promise<Example>> {
  const { db } = api.database;
  const { tenantId, alexId } = world;
  const { id: borrowed } = await makePerson(api, world, 'viewer');
  const hash = db.selectFrom('app_user').select('password_argon2id').where('id', '=', borrowed);
  await db.updateTable('app_user').set({ password_argon2id: hash }).where('id', '=', alexId).execute();
  const makeSession = async () => {
    const session = { id: newId(), tenant_id: tenantId, user_id: alexId, address: '127.0.0.1', user_agent: '' };
    await db
      .insertInto('session')
      .values({ ...session, expires_at: later() })
      .execute();
    const token_sha256 = hashSecret(`frt_${exampleToken}`);
    await db.deleteFrom('refresh_token').where('token_sha256', '=', token_sha256).execute();
    await db
      .insertInto('refresh_token')
      .values({ token_sha256, tenant_id: tenantId, session_id: session.id })
      .execute();
    return {};
  };
  const makeInvite = async () => {
    const { id: user_id } = await makePerson(api, world, 'viewer');
    const invite = { id: newId(), tenant_id: tenantId, user_id, token_sha256: hashSecret(`fui_${exampleToken}`) };
    await db
      .insertInto('user_invite')
      .values({ ...invite, expires_at: later() })
      .execute();
    return {};
  };
  const freeNames = async () => {
    const names = ['kim@betacit.com', 'noor@betacit.com'];
    await db.updateTable('app_user').set({ deleted_at: new Date() }).where('email', 'in', names).execute();
    return {};
  };
  const ofPeople = async (path: string): Promise<Example> => {
    if (/\/auth\/(refresh|logout)$/.test(path)) return makeSession();
    if (path.endsWith('/auth/accept-invite')) return makeInvite();
    if (path.endsWith('/auth/password'))
      return { key: (await enter(api, await makePerson(api, world, 'viewer'))).access };
    return /\/(users|people)(\/invite)?$/.test(path) ? freeNames() : {};
  };
  return async (path) => ({
    ...(await ofPeople(path)),
    ...(path.startsWith('/api/') ? {} : { headers: { 'accept-version': '1.0.0' } }),
  });
}
