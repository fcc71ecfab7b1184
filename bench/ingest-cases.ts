import type { Form } from './load-messages.ts';

/** A way in which devices send. */
export type Case = {
  readonly clients: number;
  readonly window: number;
  readonly qos: 0 | 1 | 2;
  readonly form: Form;
  /** In a message. */
  readonly readings: number;
};

const usual: Case = { clients: 100, window: 100, qos: 1, form: 'json', readings: 1 };

/** What is measured when nothing else is asked for: each dimension by itself, around 100 devices with 100 messages in flight. */
export const cases: readonly Case[] = [
  usual,
  { ...usual, window: 20 },
  { ...usual, window: 1 },
  { ...usual, clients: 1 },
  { ...usual, clients: 10 },
  { ...usual, clients: 1000, window: 10 },
  { ...usual, clients: 1000 },
  { ...usual, qos: 0 },
  { ...usual, qos: 2 },
  { ...usual, readings: 10 },
  { ...usual, readings: 10, window: 20 },
  { ...usual, form: 'sparkplug', readings: 20, window: 20 },
];

/** Every combination, for `--all`. */
export function listAllCases(): Case[] {
  const found: Case[] = [];
  for (const qos of [0, 1, 2] as const)
    for (const clients of [1, 10, 100, 1000])
      for (const window of [1, 20, 100])
        for (const [form, readings] of [
          ['json', 1],
          ['json', 10],
          ['sparkplug', 20],
        ] as const)
          found.push({ clients, window, qos, form, readings });
  return found;
}
