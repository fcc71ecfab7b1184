/** The thread that reads one building model, and is ended by whoever started it. */
import { parentPort } from 'node:worker_threads';
import { type ImportModel, ModelError } from './building-model.ts';
import { type ReadModelOrder, readModel } from './read-model.ts';

export type ReadModelReply =
  | { readonly kind: 'model'; readonly model: ImportModel }
  | { readonly kind: 'no model'; readonly message: string; readonly line: number | null };

parentPort?.once('message', (order: ReadModelOrder) => parentPort?.postMessage(reply(order)));

function reply(order: ReadModelOrder): ReadModelReply {
  try {
    return { kind: 'model', model: readModel(order) };
  } catch (error) {
    if (error instanceof ModelError) return { kind: 'no model', message: error.message, line: error.line };
    throw error;
  }
}
