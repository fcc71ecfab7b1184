import type { TestApi, World } from './api.ts';
import { makeForm, makePicture, pdf } from './forms.ts';

type Made = { readonly id: string };

/** Makes, for a path below a work order or an insight, one that has what the path names; gives the path with their ids. */
export function makePartExamples(api: TestApi, { key, makeInsight }: World): (path: string) => Promise<string> {
  const post = async (path: string, content: object): Promise<Made> => {
    const { status, text, json } = await api.call('POST', `/api/v1/${path}`, { key, ...content });
    if (status > 201) throw new Error(`${path}: ${text}`);
    return json.data;
  };
  const picture = async (name: string) => [name, { bytes: await makePicture() }] as const;
  const makers: Record<string, (order: string) => Promise<Made>> = {
    comment_id: (order) => post(`${order}/comments`, { body: { body: 'x' } }),
    attachment_id: (order) => post(`${order}/attachments`, makeForm([['file', { bytes: pdf }]])),
    photo_id: async (order) => post(`${order}/photos`, makeForm([await picture('file')])),
    signature_id: async (order) =>
      post(`${order}/signatures`, makeForm([['signer_name', 'x'], await picture('image')])),
    task_id: (order) => post(`${order}/tasks`, { body: { title: 'x' } }),
    link_id: async (order) =>
      post(`${order}/links`, {
        body: { kind: 'blocks', work_order_id: (await post('work-orders', { body: { title: 'x' } })).id },
      }),
    labor_id: (order) => post(`${order}/labor`, { body: { minutes: 5 } }),
  };
  return async (path) => {
    const isOfInsight = path.includes('/insights/');
    const id = isOfInsight ? await makeInsight() : (await post('work-orders', { body: { title: 'x' } })).id;
    const order = `${isOfInsight ? 'insights' : 'work-orders'}/${id}`;
    // A person has one timer: the one that an example has started is stopped here, or the one that it stops is started.
    if (path.includes('/labor/start')) await api.database.db.deleteFrom('labor_entry').execute();
    if (path.includes('/labor/stop')) {
      await api.database.db.deleteFrom('labor_entry').execute();
      await post(`${order}/labor/start`, { body: {} });
    }
    const [, child = ''] = /\{(\w+_id)\}/.exec(path) ?? [];
    const made = await makers[child]?.(order);
    return path
      .replace('{slug}', 'ucl-east-campus')
      .replace('{id}', id)
      .replace(`{${child}}`, made?.id ?? '');
  };
}
