import { type Conversion, convert } from '../../assets/units.ts';
import type { NumberFunction } from './compile-expression.ts';

/**
 * A message with values in it: `SAT is {{ avg(sat,'5m') | 1 degC }}`. After the bar stand the digits and the unit to print;
 * the value is converted when its own unit is another one.
 */
export type Template = (string | TemplateValue)[];

export type TemplateValue = {
  read: NumberFunction;
  type: 'number' | 'truth';
  digits: number;
  symbol: string;
} & Conversion;

/** One piece of a template's text: words, an expression with its format and the offsets of both, or a brace that is not closed. */
export type TemplatePiece =
  | { text: string }
  | { expression: string; start: number; format: string; formatStart: number }
  | { unclosed: number };

/** Cuts a template into its pieces, up to a `{{` without `}}`. */
export function cutTemplate(text: string): TemplatePiece[] {
  const pieces: TemplatePiece[] = [];
  let at = 0;
  for (;;) {
    const open = text.indexOf('{{', at);
    if (open < 0) break;
    if (open > at) pieces.push({ text: text.slice(at, open) });
    const close = text.indexOf('}}', open);
    if (close < 0) return [...pieces, { unclosed: open }];
    const inner = text.slice(open + 2, close);
    // A single bar: `||` is CEL's or.
    const bar = inner.search(/(?<!\|)\|(?!\|)/);
    const expression = bar < 0 ? inner : inner.slice(0, bar);
    const format = bar < 0 ? '' : inner.slice(bar + 1);
    pieces.push({
      expression: expression.trim(),
      start: open + 2 + (expression.length - expression.trimStart().length),
      format: format.trim(),
      formatStart: open + 2 + bar + 1 + (format.length - format.trimStart().length),
    });
    at = close + 2;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}

/** The message at this instant; unknown values are said to be unknown. */
export function renderTemplate(
  template: Template,
  values: Float64Array,
  params: Float64Array,
  windows: Float64Array,
): string {
  return template
    .map((piece) => (typeof piece === 'string' ? piece : renderValue(piece, piece.read(values, params, windows))))
    .join('');
}

function renderValue({ type, digits, symbol, scale, offset, steps }: TemplateValue, value: number): string {
  if (Number.isNaN(value)) return 'unknown';
  if (type === 'truth') return value === 0 ? 'off' : 'on';
  return `${convert(value, scale, offset, steps).toFixed(digits)}${symbol && ` ${symbol}`}`;
}
