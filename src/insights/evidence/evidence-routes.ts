import { requireScope, requireSite } from '../../access/api-key.ts';
import type { Db } from '../../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { findInsight } from '../store.ts';
import { Evidence, EvidenceQuery, samplesDefault } from './evidence.ts';
import { type EvidenceReadings, readEvidence } from './read-evidence.ts';

type Needs = { readonly db: Db; readonly shell: Shell; readonly readings: EvidenceReadings };

/** The series behind one insight. */
export function evidenceRoutes(app: RouteScope, mount: Mount, { db, shell, readings }: Needs): void {
  const schema = {
    operationId: mount.operationId('getInsightEvidence'),
    summary: 'Read the series behind an insight, from before its start to after its end',
    description:
      'The points that its rule shows, in the units of the rule, with the limits that held. Needs the scope points:read as well. What was dropped by retention was kept before.',
    tags: ['Insights'],
    params: mount.memberParams,
    querystring: EvidenceQuery,
    response: { 200: mount.oneOf(Evidence) },
  };
  app.get(
    mount.member('insights', '/evidence'),
    { config: { scope: 'insights:read' }, schema },
    async (request, reply) => {
      const { id } = request.params;
      const { caller } = request.area;
      requireScope(caller, 'points:read');
      const found = await findInsight(db, request.area, id);
      if (!found) throw refusals.insightNotFound(id);
      requireSite(caller, found.siteId);
      const { samples = samplesDefault } = request.query;
      const asked = { insight: found.insight, samples, nowMs: shell.now().getTime(), readings };
      return shell.send(request, reply, mount.found(await readEvidence(db, asked)));
    },
  );
}
