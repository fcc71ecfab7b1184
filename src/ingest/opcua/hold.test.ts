import { expect, test } from 'vitest';
import { createHold } from './hold.ts';

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what comes while something is being written passes after it, in its order, and then there is room', async () => {
  const done: string[] = [];
  const hold = createHold(new AbortController().signal, () => done.push('room'));
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  hold.pass(() => done.push('a'));
  void hold.until(() => first.promise);
  void hold.until(() => second.promise);
  hold.pass(() => done.push('b'));
  hold.pass(() => done.push('c'));
  expect(hold.isHolding()).toBe(true);
  second.resolve();
  await turn();
  expect(done).toEqual(['a']);
  first.resolve();
  await turn();
  expect(done).toEqual(['a', 'b', 'c', 'room']);
  expect(hold.isHolding()).toBe(false);
  hold.pass(() => done.push('d'));
  expect(done.at(-1)).toBe('d');
});

test('what cannot be written is tried again until it can', async () => {
  const done: string[] = [];
  const hold = createHold(new AbortController().signal, () => {});
  let tries = 0;
  const written = hold.until(async () => {
    tries++;
    if (tries < 2) throw new Error('away');
    done.push('written');
  });
  hold.pass(() => done.push('a'));
  await written;
  await turn();
  expect(done).toEqual(['written', 'a']);
});

test('when it is over what was held is let go, and the writing rejects', async () => {
  const over = new AbortController();
  const done: string[] = [];
  const hold = createHold(over.signal, () => {});
  const written = hold.until(() => Promise.reject(new Error('away'))).catch((error: Error) => error.name);
  hold.pass(() => done.push(`over: ${over.signal.aborted}`));
  over.abort();
  expect(await written).toBe('AbortError');
  expect(done).toEqual(['over: true']);
});
