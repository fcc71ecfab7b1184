/**
 * Statements that are sent again and again are prepared, each connection its own, so that PostgreSQL does not parse and plan them anew:
 * of a list of work orders that is two thirds of its time.
 *
 *   a text ──its fifth time, by whichever connection──▶ has a name, under which connections send it from then on
 *
 * As many texts have names as fit; the others go on as before. PostgreSQL itself decides when one plan does for all values. Questions
 * alone are prepared: a plan for all values does not know which partial index an `on conflict … where` means.
 */
import type pg from 'pg';

const timesUntilNamed = 5;
const namesMax = 100;
const textsMax = 2_000;

/** The names of statements, which the connections of one pool share. */
export function createStatementNames() {
  const timesOf = new Map<string, number>();
  const names = new Map<string, string>();
  return {
    /** The name under which a text is to be sent, if under one. */
    nameOf(text: string): string | undefined {
      if (!text.startsWith('select ')) return undefined;
      const name = names.get(text);
      if (name !== undefined || names.size === namesMax) return name;
      const times = (timesOf.get(text) ?? 0) + 1;
      if (times < timesUntilNamed) {
        // What filters and orders together make is without end, and most of it is asked once.
        if (timesOf.size === textsMax) timesOf.clear();
        timesOf.set(text, times);
        return undefined;
      }
      timesOf.delete(text);
      names.set(text, `statement_${names.size}`);
      return names.get(text);
    },
  };
}

/**
 * Lets a connection send frequent statements by name. One whose tables have changed since it was prepared fails, and the connection
 * ends with it: those that follow prepare it anew.
 */
export function prepareFrequent(client: pg.ClientBase, { nameOf }: ReturnType<typeof createStatementNames>): void {
  const query = client.query.bind(client) as (...given: unknown[]) => unknown;
  const preparingQuery = (...given: unknown[]) => {
    const [text, values, ...rest] = given;
    const name = typeof text === 'string' && Array.isArray(values) && rest.length === 0 ? nameOf(text) : undefined;
    if (name === undefined) return query(...given);
    const answer = query({ name, text, values }) as Promise<unknown>;
    answer.catch((error: Error) => {
      if (/cached plan must not change/.test(error.message)) void (client as unknown as pg.Client).end();
    });
    return answer;
  };
  client.query = preparingQuery as typeof client.query;
}
