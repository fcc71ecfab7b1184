import { describe, expect, test } from 'vitest';
import { createSealer } from './sealer.ts';

const sealer = createSealer('a secret of this installation');

describe('a secret at rest', () => {
  test('is opened where it was sealed', () => {
    const sealed = sealer.seal('pässwörd', 'row 1');
    expect(sealer.open(sealed, 'row 1')).toBe('pässwörd');
    expect(sealer.open(sealer.seal('', 'row 1'), 'row 1')).toBe('');
  });

  test('shows nothing of itself, and looks different each time', () => {
    const [one, other] = [sealer.seal('hunter2', 'row'), sealer.seal('hunter2', 'row')];
    expect(one.includes('hunter2')).toBe(false);
    expect(one.equals(other)).toBe(false);
  });

  test.each<[string, () => string]>([
    ['another place', () => sealer.open(sealer.seal('hunter2', 'row 1'), 'row 2')],
    ['another SECRET', () => createSealer('another').open(sealer.seal('hunter2', 'row'), 'row')],
    ['no bytes', () => sealer.open(Buffer.alloc(0), 'row')],
    ['too few bytes', () => sealer.open(Buffer.of(1, 2, 3), 'row')],
    ['another form', () => sealer.open(Buffer.concat([Buffer.of(2), sealer.seal('x', 'row').subarray(1)]), 'row')],
  ])('is not opened with %s, and the error names SECRET and no secret', (_what, open) => {
    expect(open).toThrow(/SECRET/);
    expect(open).not.toThrow(/hunter2/);
  });

  test('is not opened once a bit of it was changed, wherever', () => {
    const sealed = sealer.seal('hunter2', 'row');
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed[i] = (changed[i] as number) ^ 1;
      expect(() => sealer.open(changed, 'row'), `byte ${i}`).toThrow(/SECRET/);
    }
  });
});
