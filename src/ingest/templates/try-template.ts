/** What a message would become, found out without writing anything: the trial of a template. */
import { isTopicName } from '../../assets/discovery.ts';
import { listNamedPoints, listSites, type PointName, type PointRef, type SiteRef } from '../../assets/point-store.ts';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import type { Arrival } from '../../telemetry/arrival.ts';
import { bindSample } from '../decode/bind.ts';
import { discoveryIsOff, pointKey } from '../decode/directory.ts';
import type { Sample } from '../decode/sample.ts';
import { homeTarget, type Read, readTarget, type Target, templateTarget } from '../decode/target.ts';
import { createTenants, type KnownTenant } from '../decode/tenants.ts';
import { parseTopic } from '../decode/topic.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import { createTemplateSet } from './compile.ts';
import { compileChecked, definitionOf } from './set-template.ts';
import { readingsShownMax, type TopicTemplateReadout, type TopicTemplateTest } from './template.ts';

type Trial = { readonly tenantId: string; readonly body: TopicTemplateTest; readonly at: Date };

/** Reads the message of a trial; throws validation_failed where the template that it brings is wrong. */
export async function tryTemplate(db: Db, { tenantId, body, at }: Trial): Promise<TopicTemplateReadout> {
  const target = await targetOf(db, tenantId, body);
  if ('reason' in target) return { ...nothing, rejections: [target] };
  const payload = Buffer.from(body.payload, body.encoding);
  const read_by = target.kind === 'template' ? ('template' as const) : ('built_in' as const);
  const isStored = target.kind === 'template' && target.match.template.id !== '';
  const readBy = { read_by, template_id: isStored ? target.match.template.id : null };
  if (target.kind === 'description') return { ...nothing, ...readBy };
  const [site] = await listSites(db, { tenantId, slugs: [target.site] });
  if (!site) {
    const rejection = { reason: 'unknown_site', detail: `there is no site ${target.site}` };
    return { ...nothing, ...readBy, rejections: [rejection] };
  }
  const read = readTarget(target, payload, { receivedMs: at.getTime(), timeZone: site.timeZone });
  const { readings, total, rejections } = await bindAll(db, site, read);
  return { ...readBy, readings, total, rejections: [...read.rejections, ...rejections] };
}

const nothing: TopicTemplateReadout = { read_by: 'nothing', template_id: null, readings: [], total: 0, rejections: [] };

/** By the template that is on trial, or else as a message of a device without a home would be read. */
async function targetOf(db: Db, tenantId: string, body: TopicTemplateTest): Promise<Target | Rejection> {
  const { topic, pattern } = body;
  const parsed = parseTopic(topic);
  if (pattern !== undefined) {
    const definition = definitionOf({ ...body, pattern });
    const template = await compileChecked(db, { tenantId, id: '', definition });
    const tenant: KnownTenant = { defaultSite: null, templates: createTemplateSet([template]) };
    const detail = 'reason' in parsed ? parsed.detail : 'the topic is read without a template';
    const mismatch = `the pattern ${pattern} does not match the topic ${topic}`;
    return templateTarget(topic, tenant, { reason: 'unknown_topic', detail: `${mismatch}; ${detail}` });
  }
  if ('site' in parsed) return parsed;
  const tenant = (await createTenants(db).findTenants(new Set([tenantId]))).get(tenantId);
  if ('reason' in parsed) return templateTarget(topic, tenant, parsed);
  return homeTarget(parsed, { site: null, asset: 'device' }, tenant);
}

type Bound = Pick<TopicTemplateReadout, 'readings' | 'total' | 'rejections'>;

async function bindAll(db: Db, site: SiteRef, read: Read): Promise<Bound> {
  const assets = 'samples' in read ? [[read.asset, read.samples] as const] : [...read.assets];
  const named = assets.flatMap(([asset, samples]) => samples.map((sample) => ({ asset, sample })));
  const names: PointName[] = named
    .filter(({ asset, sample }) => isTopicName(asset) && isTopicName(sample.point))
    .map(({ asset, sample }) => ({ asset, point: sample.point }));
  const known = new Map(
    (await listNamedPoints(db, { site, names })).map(({ asset, point, ref }) => [pointKey(asset, point), ref]),
  );
  const readings: TopicTemplateReadout['readings'] = [];
  const rejections = new Map<string, Rejection>();
  let total = 0;
  for (const { asset, sample } of named) {
    const point = known.get(pointKey(asset, sample.point));
    const bound = bindOrExplain(point, { site, asset, sample });
    if ('reason' in bound) {
      const detail = `${sample.point}: ${bound.detail}`;
      if (!rejections.has(bound.reason)) rejections.set(bound.reason, { reason: bound.reason, detail });
      continue;
    }
    total += 1;
    if (readings.length >= readingsShownMax) continue;
    const { timeMs, value, quality } = bound;
    const time = formatInstant(new Date(timeMs));
    const point_id = point?.pointId ?? null;
    readings.push({ site: site.slug, asset, point: sample.point, point_id, time, value, quality });
  }
  return { readings, total, rejections: [...rejections.values()] };
}

/** A point that would be discovered declares nothing yet. */
const discovered: PointRef = { pointId: '', seriesId: 0, assetId: '', shard: 0, states: null };

function bindOrExplain(
  point: PointRef | undefined,
  { site, asset, sample }: { site: SiteRef; asset: string; sample: Sample },
): Arrival | Rejection {
  if (point) return bindSample(point, sample);
  if (!site.discovery)
    return { reason: 'unknown_point', detail: `${asset} has no such point, and ${discoveryIsOff(site)}` };
  if (isTopicName(asset) && isTopicName(sample.point)) return bindSample(discovered, sample);
  return { reason: 'unknown_point', detail: 'names are 1 to 128 characters without control characters' };
}
