/** From a template's words to what messages are read by, with every mistake at the property that holds it. */
import { isTopicName } from '../../assets/discovery.ts';
import { type Captures, compareSpecificity, matchPattern, type Pattern, parsePattern } from './pattern.ts';
import { type Pointer, parsePointer } from './pointer.ts';
import { type Definition, type Pointers, valuesMax } from './template.ts';

/** A mistake, at a JSON pointer into the template. */
export type TemplateProblem = { readonly pointer: string; readonly code: string; readonly message: string };

export type CompiledPointers = {
  readonly [Name in Exclude<keyof Pointers, 'values'>]?: Pointer;
} & { readonly values?: Pointer | readonly (readonly [string, Pointer])[] };

export type CompiledTemplate = {
  readonly id: string;
  readonly pattern: Pattern;
  /** What the template says itself of site, asset and point. */
  readonly fixed: Captures;
  readonly format: Definition['format'];
  readonly pointers: CompiledPointers;
};

/** What messages are read by; or all mistakes of the definition. */
export function compileTemplate(
  id: string,
  definition: Definition,
): { readonly template: CompiledTemplate } | { readonly problems: readonly TemplateProblem[] } {
  const problems: TemplateProblem[] = [];
  const parsed = parsePattern(definition.pattern);
  if ('problem' in parsed) problems.push({ pointer: '/pattern', code: 'invalid', message: parsed.problem });
  const pointers = compilePointers(definition.pointers, problems);
  if ('pattern' in parsed) problems.push(...findConflicts(definition, parsed.pattern));
  if (problems.length > 0 || !('pattern' in parsed)) return { problems };
  const { site, asset, point, format } = definition;
  const fixed = { ...(site !== null && { site }), ...(asset !== null && { asset }), ...(point !== null && { point }) };
  return { template: { id, pattern: parsed.pattern, fixed, format, pointers } };
}

export type TemplateMatch = { readonly template: CompiledTemplate; readonly captures: Captures };
export type TemplateSet = {
  /** The most specific template that matches a topic, with what the topic and the template itself say. */
  find(topic: string): TemplateMatch | undefined;
};

/** Templates in the order in which they are asked, the most specific first. */
export function createTemplateSet(templates: readonly CompiledTemplate[]): TemplateSet {
  const sorted = templates.toSorted((a, b) => compareSpecificity(a.pattern, b.pattern));
  return {
    find: (topic) => {
      if (sorted.length === 0) return undefined;
      const levels = topic.split('/');
      for (const template of sorted) {
        const captures = matchPattern(template.pattern, levels);
        if (captures) return { template, captures: { ...template.fixed, ...captures } };
      }
      return undefined;
    },
  };
}

function compilePointers(given: Pointers, problems: TemplateProblem[]): CompiledPointers {
  const compile = (text: string, place: string): Pointer => {
    const parsed = parsePointer(text);
    if ('pointer' in parsed) return parsed.pointer;
    problems.push({ pointer: `/pointers${place}`, code: 'invalid', message: parsed.problem });
    return [];
  };
  const compiled: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(given)) {
    if (typeof text === 'string') compiled[name] = compile(text, `/${name}`);
    else if (text !== undefined) {
      const points = Object.entries(text);
      if (points.length > valuesMax) {
        problems.push({
          pointer: `/pointers/${name}`,
          code: 'too_long',
          message: `must have at most ${valuesMax} points`,
        });
        return {};
      }
      compiled[name] = points.map(([point, pointer]) => {
        const place = `/${name}/${point.replaceAll('~', '~0').replaceAll('/', '~1')}`;
        if (!isTopicName(point)) problems.push({ pointer: `/pointers${place}`, code: 'invalid', message: badPoint });
        return [point, compile(pointer, place)];
      });
    }
  }
  return compiled as CompiledPointers;
}

const badPoint = 'must be the name of a point: 1 to 128 characters, none of them a control character';

/** Site, asset and point are each told once; a value is told by one pointer, or is the payload itself. */
function findConflicts(definition: Definition, pattern: Pattern): TemplateProblem[] {
  const { format, pointers } = definition;
  const isJson = format === 'json';
  const tellers = (name: 'site' | 'asset' | 'point') => [
    ...(pattern.some((level) => level.kind === 'capture' && level.name === name) ? ['/pattern'] : []),
    ...(definition[name] !== null ? [`/${name}`] : []),
    ...(name !== 'site' && isJson && pointers[name] !== undefined ? [`/pointers/${name}`] : []),
  ];
  const problems = (['site', 'asset', 'point'] as const).flatMap((name): TemplateProblem[] => {
    const [first, second] = tellers(name);
    const isNamedByValues = name === 'point' && isJson && pointers.values !== undefined;
    if (second !== undefined || (first !== undefined && isNamedByValues)) {
      const other = second ?? first ?? '';
      const told = isNamedByValues ? '/pointers/values' : first;
      return [{ pointer: other, code: 'conflict', message: `the ${name} is told by ${told?.slice(1)} already` }];
    }
    if (first !== undefined || isNamedByValues) return [];
    const how = name === 'site' || !isJson ? ` or ${name}` : `, ${name} or pointers.${name}`;
    return [
      { pointer: '/pattern', code: 'incomplete', message: `nothing tells the ${name}: give {${name}} in it${how}` },
    ];
  });
  return [...problems, ...findValueProblems(definition)];
}

function findValueProblems({ format, pointers }: Definition): TemplateProblem[] {
  const at = (name: string, code: string, message: string) => [{ pointer: `/pointers${name}`, code, message }];
  if (format !== 'json') {
    const [first] = Object.keys(pointers);
    if (first === undefined) return [];
    return at(
      `/${first}`,
      'conflict',
      `a payload of the format ${format} has nothing to point into; use the format json`,
    );
  }
  const { value, values } = pointers;
  if (value !== undefined && values !== undefined) {
    return at('/values', 'conflict', 'give either value or values, not both');
  }
  if (value === undefined && values === undefined) {
    return at(
      '',
      'incomplete',
      'nothing tells the value: give value, such as "/value" ("" is the whole payload), or values',
    );
  }
  if (typeof values === 'object' && Object.keys(values).length === 0) {
    return at('/values', 'incomplete', 'must name at least one point, as in {"sat": "/temperature"}');
  }
  return [];
}
