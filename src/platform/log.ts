import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

export type Log = Logger;

/** Paths that never reach a log line, whoever logs the object. */
const redact = ['password', '*.password', 'secret', '*.secret', 'headers.authorization', 'req.headers.authorization'];

/** The program's logger: one JSON object a line, on standard error, so that standard output stays for people. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options: LoggerOptions = {
    level,
    redact,
    base: null,
    serializers: { err: describeError },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
  return pino(options, destination ?? process.stderr);
}

/** What a reader of the log can use of an error; drivers hang their whole connection on theirs. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { name, message, stack, cause } = error;
  const { code } = error as { code?: unknown };
  return { name, message, code, stack, ...(cause === undefined ? {} : { cause: describeError(cause) }) };
}
