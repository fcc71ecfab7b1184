/** What mapping rules make of the nodes of a server. Pure: the same rules and nodes give the same points. */
import { isTopicName } from '../../../assets/discovery.ts';
import type { NodeKey } from '../connection.ts';
import type { MappingRule } from './mapping-rule.ts';
import { type Captures, matchPath, type PathPattern, parsePathPattern } from './path-pattern.ts';

export type CompiledRule = {
  readonly rule: MappingRule;
  readonly pattern: PathPattern;
  readonly site: Template | null;
  readonly asset: Template;
  readonly point: Template;
};

/** Texts and names of captures in turns, the first a text. */
type Template = readonly string[];

/** A node's field as rules see it. */
export type Mappable = {
  readonly node: NodeKey;
  /** The names of its browse path and the steps of its field. */
  readonly names: readonly string[];
  readonly dataType: string | null;
  readonly unit: string | null;
};

export type Mapped =
  | { readonly kind: 'unmapped' }
  | { readonly kind: 'skipped'; readonly rule: number }
  | { readonly kind: 'unusable'; readonly rule: number; readonly detail: string }
  | {
      readonly kind: 'mapped';
      readonly rule: number;
      /** Null: that of the connection. */
      readonly site: string | null;
      readonly asset: string;
      readonly point: string;
    };

export type MappingProblem = { readonly pointer: string; readonly message: string };

/** The last name of a path, which every rule may use. */
const ownName = 'name';

/** Rules as they are applied, or every mistake in them with its place. */
export function compileRules(
  rules: readonly MappingRule[],
): { readonly rules: readonly CompiledRule[] } | { readonly problems: readonly MappingProblem[] } {
  const problems: MappingProblem[] = [];
  const compiled: CompiledRule[] = [];
  const seen = new Map<string, number>();
  for (const [at, rule] of rules.entries()) {
    const parsed = parsePathPattern(rule.path);
    if ('problem' in parsed) {
      problems.push({ pointer: `/rules/${at}/path`, message: parsed.problem });
      continue;
    }
    const shape = JSON.stringify([rule.path, rule.when ?? null]);
    const same = seen.get(shape);
    if (same !== undefined) {
      problems.push({
        pointer: `/rules/${at}/path`,
        message: `never decides: /rules/${same} matches the same before it`,
      });
    }
    seen.set(shape, same ?? at);
    const { captures } = parsed.pattern;
    const templateOf = (property: 'site' | 'asset' | 'point'): Template | null => {
      const given = rule[property] ?? (captures.has(property) ? `{${property}}` : undefined);
      if (given === undefined) {
        if (property === 'site' || rule.skip) return null;
        const message = `is required where the path has no {${property}}`;
        problems.push({ pointer: `/rules/${at}/${property}`, message });
        return null;
      }
      const template = parseTemplate(given, captures);
      if (!('problem' in template)) return template.parts;
      problems.push({ pointer: `/rules/${at}/${property}`, message: template.problem });
      return null;
    };
    const [site, asset, point] = [templateOf('site'), templateOf('asset'), templateOf('point')];
    compiled.push({ rule, pattern: parsed.pattern, site, asset: asset ?? [], point: point ?? [] });
  }
  return problems.length > 0 ? { problems } : { rules: compiled };
}

/** What the first rule that matches makes of a node's field. */
export function mapNode(rules: readonly CompiledRule[], node: Mappable): Mapped {
  for (const [index, { rule, pattern, site, asset, point }] of rules.entries()) {
    if (!fits(rule.when, node)) continue;
    const captures = matchPath(pattern, node.names);
    if (!captures) continue;
    if (rule.skip) return { kind: 'skipped', rule: index };
    const all = { [ownName]: node.names.at(-1) ?? '', ...captures };
    const made = { site: site && fill(site, all), asset: fill(asset, all), point: fill(point, all) };
    for (const name of ['asset', 'point'] as const) {
      if (isTopicName(made[name])) continue;
      const detail = `"${made[name].slice(0, 140)}" cannot name the ${name}: a name has 1 to 128 characters, none of them a control character`;
      return { kind: 'unusable', rule: index, detail };
    }
    return { kind: 'mapped', rule: index, ...made };
  }
  return { kind: 'unmapped' };
}

function fits(when: MappingRule['when'], { node, dataType, unit }: Mappable): boolean {
  if (!when) return true;
  if (when.data_type !== undefined && !listOf(when.data_type).includes(dataType ?? '')) return false;
  if (when.unit !== undefined && !listOf(when.unit).includes(unit ?? '')) return false;
  return when.node === undefined || node.startsWith(when.node);
}

const listOf = (given: string | readonly string[]) => (typeof given === 'string' ? [given] : given);

function parseTemplate(
  given: string,
  captures: ReadonlySet<string>,
): { readonly parts: Template } | { readonly problem: string } {
  const parts = given.split(/\{(\w{1,64})\}/);
  const unknown = parts.find((name, at) => at % 2 === 1 && name !== ownName && !captures.has(name));
  if (unknown !== undefined) return { problem: `has {${unknown}}, which the path has not` };
  if (parts.some((text, at) => at % 2 === 0 && /[{}]/.test(text)))
    return { problem: 'must have names of the path in braces, as in CH-{number}' };
  return { parts };
}

function fill(template: Template, captures: Captures): string {
  return template.map((part, at) => (at % 2 === 0 ? part : (captures[part] ?? ''))).join('');
}
