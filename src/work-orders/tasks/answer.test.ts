import { describe, expect, test } from 'vitest';
import { checkAnswer, checkQuestion, isDone, type Question } from './answer.ts';

const ask = (question: Partial<Question>): Question => ({
  kind: 'check',
  options: [],
  min: null,
  max: null,
  ...question,
});

describe('a question', () => {
  test.each([
    [{}, 'a check asks for nothing else'],
    [{ kind: 'choice', options: ['yes', 'no'] }, 'a choice has two'],
    [{ kind: 'number', min: 1, max: 1 }, 'bounds may be equal'],
    [{ kind: 'meter', min: -5 }, 'or be one alone'],
  ] as const)('%j may be asked: %s', (question, _why) => {
    expect(() => checkQuestion(ask(question))).not.toThrow();
  });
  test.each([
    [{ kind: 'choice', options: ['yes'] }, '/options'],
    [{ kind: 'text', options: ['yes', 'no'] }, '/options'],
    [{ kind: 'text', max: 3 }, '/max'],
    [{ kind: 'check', min: 3 }, '/min'],
    [{ kind: 'number', min: 3, max: 2 }, '/max'],
  ] as const)('%j may not, because of %s', (question, pointer) => {
    expect(() => checkQuestion(ask(question))).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ pointer })] }),
    );
  });
});

describe('an answer', () => {
  test.each([
    [{ kind: 'check' }, false],
    [{ kind: 'text' }, ''],
    [{ kind: 'number', min: 1, max: 3 }, 1],
    [{ kind: 'meter', min: 1, max: 3 }, 3],
    [{ kind: 'choice', options: ['yes', 'no'] }, 'no'],
  ] as const)('to %j may be %j', (question, value) => {
    expect(() => checkAnswer(ask(question), value)).not.toThrow();
  });
  test.each([
    [{ kind: 'check' }, 'yes'],
    [{ kind: 'text' }, 3],
    [{ kind: 'text' }, 'x'.repeat(5_001)],
    [{ kind: 'number' }, '3'],
    [{ kind: 'number', min: 1 }, 0.9],
    [{ kind: 'meter', max: 3 }, 3.1],
    [{ kind: 'choice', options: ['yes', 'no'] }, 'maybe'],
  ] as const)('to %j may not be %j', (question, value) => {
    expect(() => checkAnswer(ask(question), value)).toThrow(/value/);
  });
});

test.each([
  [null, false],
  [false, false],
  [true, true],
  [0, true],
  ['', false],
  [' ', false],
  ['no', true],
])('a task that is answered %j is done: %j', (value, done) => {
  expect(isDone(value)).toBe(done);
});
