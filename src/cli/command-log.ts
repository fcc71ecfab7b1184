import { createLog, type Log } from '../platform/log.ts';

/** The log of a command, which prints for itself what it has to say: warnings, unless LOG_LEVEL says otherwise. */
export function createCommandLog(): Log {
  return createLog(process.env.LOG_LEVEL ?? 'warn');
}
