/**
 * Where the links lead that calendars show and QR codes hold. An installation that has pages for people elsewhere says where they
 * are, and is led to; any other has one plain page, which tells nobody more than the link itself does.
 */
import type { FastifyInstance } from 'fastify';
import { Id } from '../platform/fields.ts';
import { refusals } from '../platform/refusals.ts';

/** Where people find a thing: a URL in which {id} stands for its id; absent: on our own page. */
export type Pages = { readonly workOrder?: string | undefined; readonly asset?: string | undefined };

/** GET /work-orders/{id} and /assets/{id}, which ask for no key: whoever follows a link has none. */
export function pageRoutes(app: FastifyInstance, { pages, publicUrl }: { pages: Pages; publicUrl: string }): void {
  const linked = [
    { collection: 'work-orders', words: 'Work order', page: pages.workOrder },
    { collection: 'assets', words: 'Equipment', page: pages.asset },
  ] as const;
  for (const { collection, words, page } of linked) {
    app.get<{ Params: { id: string } }>(`/${collection}/:id`, { schema: { hide: true } }, async (request, reply) => {
      const { id } = request.params;
      if (!Id.safeParse(id).success) throw refusals.routeNotFound('GET', `/${collection}/${id}`);
      if (page !== undefined) return reply.redirect(page.replaceAll('{id}', id));
      return reply.type('text/html; charset=utf-8').send(pageOf({ collection, words, id, publicUrl }));
    });
  }
}

type Shown = { readonly collection: string; readonly words: string; readonly id: string; readonly publicUrl: string };

function pageOf({ collection, words, id, publicUrl }: Shown): string {
  const base = escaped(publicUrl);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${words} ${id}</title>
</head>
<body>
<h1>${words}</h1>
<p><code>${id}</code></p>
<p>What is known of it is shown by the API, to whoever may see it:</p>
<pre>curl ${base}/api/v1/${collection}/${id} -H "Authorization: Bearer YOUR_API_KEY"</pre>
<p><a href="${base}/documentation/">The reference of the API</a></p>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
