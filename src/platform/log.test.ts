import { describe, expect, test } from 'vitest';
import { createLog } from './log.ts';

function logged(write: (log: ReturnType<typeof createLog>) => void): string {
  let text = '';
  write(createLog('trace', { write: (line) => (text += line) }));
  return text;
}

describe('a line of the log', () => {
  test.each([
    'GET /api/v1/calendar.ics?key=flt_live_hidden',
    'http://host/api/v1/calendar.ics?site=plant&key=flt_live_hidden&assigned_to=x',
    '/calendar.ics?KEY=flt_live_hidden#top',
    '/calendar.ics?%6bey=flt_live_hidden',
    '/calendar.ics?k%65%79=flt_live_hidden rest',
    '"quoted" /calendar.ics?key=flt_live_hidden" more',
  ])('has no key of a query: %s', (text) => {
    const lines = [
      logged((log) => log.info(text)),
      logged((log) => log.info({ url: text, req: { url: text } }, 'request')),
      logged((log) => log.error({ err: new Error(text, { cause: new Error(text) }) }, 'failed')),
      logged((log) => log.child({ url: text }).warn('child')),
    ];
    for (const line of lines) {
      expect(line).toContain('[redacted]');
      expect(line).not.toContain('hidden');
      expect(() => JSON.parse(line)).not.toThrow();
    }
  });

  test('keeps what is no key of a query', () => {
    const text = '/api-keys?monkey=1&keys=2 key=3';
    expect(logged((log) => log.info(text))).toContain(text);
  });
});
