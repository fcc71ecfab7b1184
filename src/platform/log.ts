import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';

export type Log = Logger;

/** Paths that never reach a log line, whoever logs the object. */
const redact = ['password', '*.password', 'secret', '*.secret', 'headers.authorization', 'req.headers.authorization'];

/** A key in the query of a URL, in whatever message the URL stands; letters may be escaped there (RFC 3986, section 2.1). */
const keyInQuery = /([?&](?:k|%6b)(?:e|%65)(?:y|%79)=)[^&#\s"'\\]+/gi;

/** The program's logger: one JSON object a line, on standard error, so that standard output stays for people. */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options: LoggerOptions = {
    level,
    redact,
    base: null,
    hooks: { streamWrite: (line) => line.replace(keyInQuery, '$1[redacted]') },
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
