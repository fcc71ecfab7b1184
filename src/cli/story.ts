/**
 * The story of a demonstration, a line for each thing that happens: what rules think is told by their effects, what has
 * come of it is asked of the API, as any integrator would.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Advanced } from '../rules/live/advance.ts';

export type Story = {
  tell(text: string): void;
  onAdvanced(advanced: Advanced): void;
  watch(watched: Watched): Watching;
};

type Watched = { readonly apiUrl: string; readonly apiKey: string; readonly acknowledged: () => number };
type Watching = { readonly workOrder: Promise<void>; stop(): Promise<void> };

const askEveryMs = 250;
const answerMsMax = 5_000;
const rateEveryMs = 2_000;

const Insights = z.object({
  data: z.array(z.object({ id: z.string(), severity: z.string(), title: z.string(), message: z.string() })),
});
const WorkOrders = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      number: z.number(),
      title: z.string(),
      priority: z.string(),
    }),
  ),
});

/** A story told on the standard output, or to `write`. */
export function createStory(write: (line: string) => void = console.log): Story {
  const tell = (text: string) => write(`${new Date().toISOString().slice(11, 23)}  ${text}`);
  return { tell, onAdvanced: (advanced) => tellEffects(advanced, tell), watch: (watched) => watch(watched, tell) };
}

function tellEffects({ effects, owners }: Advanced, tell: Story['tell']): void {
  for (const effect of effects) {
    const where = `${effect.ruleId} on ${owners.get(effect.assetId)?.name ?? effect.assetId}`;
    if (effect.kind === 'pending') tell(`pending: ${where}: the condition holds, and is watched`);
    if (effect.kind === 'pending-cleared') tell(`quiet again: ${where}`);
    if (effect.kind === 'opened' || effect.kind === 'reopened') tell(`firing: ${where}: ${effect.message}`);
    if (effect.kind === 'resolved') tell(`cleared: ${where}`);
  }
}

function watch({ apiUrl, apiKey, acknowledged }: Watched, tell: Story['tell']): Watching {
  const stopping = new AbortController();
  const opened = Promise.withResolvers<void>();
  const told = new Set<string>();
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`${apiUrl}/api/v1/${path}`, {
      headers: { authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.any([stopping.signal, AbortSignal.timeout(answerMsMax)]),
    });
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${await response.text()}`);
    return response.json();
  };
  const once = (id: string, text: string) => {
    if (told.has(id)) return false;
    told.add(id);
    tell(text);
    return true;
  };
  const look = async () => {
    // Asked for first and told last: the insight of a work order was there before it.
    const orders = WorkOrders.parse(await ask('work-orders')).data.reverse();
    for (const { id, severity, title, message } of Insights.parse(await ask('insights')).data.reverse()) {
      once(id, `insight opened (${severity}): ${title}. ${message} ${apiUrl}/api/v1/insights/${id}`);
    }
    for (const { id, number, title, priority } of orders) {
      if (once(id, `work order ${number} opened (${priority}): ${title} ${apiUrl}/api/v1/work-orders/${id}`))
        opened.resolve();
    }
  };
  let trouble = '';
  const tryToLook = async () => {
    try {
      await look();
      trouble = '';
    } catch (error) {
      const { message } = error as Error;
      if (!stopping.signal.aborted && message !== trouble) tell(`the API did not answer; asking again: ${message}`);
      trouble = message;
    }
  };
  const run = async () => {
    let [countedAt, counted] = [performance.now(), acknowledged()];
    while (!stopping.signal.aborted) {
      await tryToLook();
      const elapsedMs = performance.now() - countedAt;
      if (elapsedMs >= rateEveryMs) {
        const now = acknowledged();
        tell(`${Math.round(((now - counted) / elapsedMs) * 1_000)} readings/s stored and acknowledged, ${now} so far`);
        [countedAt, counted] = [performance.now(), now];
      }
      await sleep(askEveryMs);
    }
  };
  const running = run();
  return {
    workOrder: opened.promise,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
