import { expect, test } from 'vitest';
import { dispositionOf, safeNameOf, withEnding } from './file-name.ts';

test.each([
  ['report.pdf', 'report.pdf', 'a plain one stays'],
  ['../../etc/passwd', 'passwd', 'a path is no part of it'],
  ['..\\..\\windows\\system.ini', 'system.ini', 'of either kind'],
  ['/', 'file', 'nothing is left'],
  ['..', 'file', 'nor of dots'],
  [undefined, 'file', 'or there was none'],
  ['a\0b\r\nSet-Cookie: x.txt', 'abSet-Cookie_ x.txt', 'no line ends, no NUL'],
  ['invoice\u202Egpj.exe', 'invoicegpj.exe', 'nothing turns the direction of reading'],
  ['zero\u200Bwidth.txt', 'zerowidth.txt', 'nothing is unseen'],
  ['CON.txt', '_CON.txt', 'names of devices are none'],
  ['a<b>:"|?*.txt', 'a_b______.txt', 'signs that systems refuse'],
  [' .hidden. ', 'hidden', 'dots and spaces at the ends'],
  ['Prüfbericht 点検.pdf', 'Prüfbericht 点検.pdf', 'all languages stay'],
  ['Pru\u0308f.pdf', 'Prüf.pdf', 'in one form'],
])('%j becomes %j: %s', (given, name, _why) => {
  expect(safeNameOf(given)).toBe(name);
});

test('a long name is cut between characters and keeps its ending', () => {
  const cut = safeNameOf(`${'点'.repeat(300)}.pdf`);
  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(200);
  expect(cut).toMatch(/^点+\.pdf$/);
});

test.each([
  ['Valve', ['jpg', 'jpeg'], 'Valve.jpg'],
  ['Valve.JPEG', ['jpg', 'jpeg'], 'Valve.JPEG'],
  ['Valve.exe', ['jpg', 'jpeg'], 'Valve.exe.jpg'],
  ['Valve', [], 'Valve'],
])('%j with one of %j is %j', (name, endings, whole) => {
  expect(withEnding(name, endings)).toBe(whole);
});

test.each([
  ['a.pdf', `attachment; filename="a.pdf"; filename*=UTF-8''a.pdf`],
  ['Prüf "1".pdf', `attachment; filename="Pruf _1_.pdf"; filename*=UTF-8''Pr%C3%BCf%20%221%22.pdf`],
  ["it's (1)*.pdf", `attachment; filename="it's (1)*.pdf"; filename*=UTF-8''it%27s%20%281%29%2A.pdf`],
])('%j is offered as %s', (name, header) => {
  expect(dispositionOf('attachment', name)).toBe(header);
});
