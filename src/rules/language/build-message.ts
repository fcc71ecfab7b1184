import { findConversion, findUnit, listUnitIds } from '../../assets/units.ts';
import { compileNumber } from './compile-expression.ts';
import { checkAt, failAt, type RuleScope } from './rule-scope.ts';
import { suggest } from './suggestion.ts';
import { cutTemplate, type Template, type TemplatePiece, type TemplateValue } from './template.ts';

/** The message of a rule with its expressions checked and its formats read; every mistake becomes an error at its place. */
export function buildMessage(scope: RuleScope, text: string): Template {
  return cutTemplate(text).flatMap((piece): Template => {
    if ('text' in piece) return [piece.text];
    if ('unclosed' in piece) {
      complain(scope, 'invalid_template', "'{{' is not closed by '}}'", [piece.unclosed, piece.unclosed + 2]);
      return [];
    }
    return buildValue(scope, piece);
  });
}

type ValuePiece = Extract<TemplatePiece, { expression: string }>;

function buildValue(scope: RuleScope, piece: ValuePiece): TemplateValue[] {
  const { start, format, formatStart } = piece;
  const place: [number, number] = [start, start + Math.max(1, piece.expression.length)];
  const formatPlace: [number, number] = [formatStart, formatStart + Math.max(1, format.length)];
  if (piece.expression === '') {
    complain(scope, 'invalid_template', "there is no expression between '{{' and '}}'", [start, start + 1]);
    return [];
  }
  const expression = checkAt(scope, ['message'], piece.expression, start);
  const [, digits, unitName] = /^(\d{0,2})\s*([^\s\d]\S*)?$/.exec(format) ?? [];
  if (digits === undefined || Number(digits) > digitsMax) {
    const message = `'${format}' is not at most ${digitsMax} digits and a unit, as in '1 degC'`;
    complain(scope, 'invalid_template', message, formatPlace);
    return [];
  }
  if (!expression) return [];
  const own = expression.type === 'number' && expression.unit !== null ? findUnit(expression.unit) : undefined;
  const unit = unitName === undefined ? own : findUnit(unitName);
  if (own && unitName !== undefined && !unit)
    complain(scope, 'unknown_unit', `unknown unit '${unitName}'`, formatPlace, suggest(unitName, listUnitIds()));
  const conversion = own && unit ? findConversion(own, unit) : undefined;
  if (own && unit && !conversion) complain(scope, 'unit_mismatch', `${own.id} cannot be shown in ${unit.id}`, place);
  return [
    {
      read: compileNumber(expression),
      type: expression.type,
      digits: Number(digits === '' ? 1 : digits),
      symbol: unit?.symbol ?? unitName ?? '',
      ...(conversion ?? { scale: 1, offset: 0, steps: 0 }),
    },
  ];
}

const digitsMax = 10;

function complain(
  scope: RuleScope,
  code: string,
  message: string,
  [start, end]: [number, number],
  help?: string | undefined,
): void {
  failAt(scope, ['message'], { code, message: `message: ${message}`, start, end, help });
}
