import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import { Insight } from './insight.ts';
import { DetectedBody } from './insight-body.ts';
import { ingestInsight } from './raise.ts';
import type { NoteReturn } from './work-order-steps.ts';

type Needs = { readonly shell: Shell; readonly noteReturn: NoteReturn };

const description = `
For detectors of others, such as the analytics of a chiller's maker. What they find has a \`source\` and a \`source_id\`, by which
it is known at its site: the first time it is added (201); whenever it is sent again it is counted (200, \`occurrences\`), what is
said of it is what was said last, and one that was resolved before \`occurred_at\` is opened again. What people have dismissed
stays so.

Repeatable: however often and however many at once send the same, there is one insight. With an \`Idempotency-Key\` a repetition
within 24 hours is not counted either.`.trim();

/** Where other detectors send what they have found (T17); mounted below a site. */
export function insightIngestRoute(app: RouteScope, mount: Mount, { shell, noteReturn }: Needs): void {
  const schema = {
    operationId: 'ingestInsight',
    summary: 'Take in what another detector has found',
    description,
    tags: ['Insights'],
    params: mount.listParams,
    body: DetectedBody,
    response: { 200: mount.oneOf(Insight), 201: mount.oneOf(Insight) },
  };
  app.post(mount.list('insights/ingest'), { config: { scope: 'insights:write' }, schema }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      const { insight, isNew } = await ingestInsight(trx, { area, body, at: shell.now(), noteReturn });
      if (!isNew) return mount.one(insight);
      const { headers, ...created } = mount.created(request, insight);
      const location = String(headers.location).replace('/insights/ingest/', '/insights/');
      return { ...created, headers: { ...headers, location } };
    }),
  );
}
