/**
 * Reads building models in threads of their own, a few at a time: whatever a text makes of the parser, or its relations of
 * the walk through them, ends with that thread, in bounded time and memory, and nobody else waits for it.
 */
import { Worker } from 'node:worker_threads';
import { type ImportModel, ModelError } from './building-model.ts';
import type { ReadModelOrder } from './read-model.ts';
import type { ReadModelReply } from './read-model-thread.ts';

export type ModelReaderLimits = { readonly msMax: number; readonly memoryMbMax: number };

const limitsDefault: ModelReaderLimits = { msMax: 60_000, memoryMbMax: 1_024 };

/** The model of a text. Throws ModelError for what is no model, and for one that takes more than a minute or 1 GB to read. */
export async function readModelApart(
  order: ReadModelOrder,
  { msMax, memoryMbMax }: ModelReaderLimits = limitsDefault,
): Promise<ImportModel> {
  const worker = new Worker(new URL('./read-model-thread.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: memoryMbMax },
    env: {},
  });
  const { promise, resolve, reject } = Promise.withResolvers<ReadModelReply>();
  worker.once('message', resolve);
  worker.once('error', (error) => reject(errorOf(error, memoryMbMax)));
  worker.once('exit', () => reject(new ModelError(`the model takes longer than ${msMax / 1_000} s to read`)));
  const deadline = setTimeout(() => void worker.terminate(), msMax);
  try {
    worker.postMessage(order);
    const reply = await promise;
    if (reply.kind === 'no model') throw new ModelError(reply.message, { line: reply.line });
    return reply.model;
  } finally {
    clearTimeout(deadline);
    await worker.terminate();
  }
}

function errorOf(error: unknown, memoryMbMax: number): unknown {
  const { code } = error as { code?: string };
  if (code !== 'ERR_WORKER_OUT_OF_MEMORY') return error;
  return new ModelError(`the model takes more than ${memoryMbMax} MB of memory to read`, { cause: error });
}
