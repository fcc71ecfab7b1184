/**
 * Patterns of topics: level by level a text, `+` for any one level, a name in braces for a level that says something, and
 * at the end `#` for whatever follows, nothing included (MQTT 3.1.1, 4.7.1).
 *
 *   bms/{site}/+/{asset}/{point}        tele/{asset}/SENSOR        plant/line-3/#
 */
import { isTopicName } from '../../assets/discovery.ts';
import { deviceTopic, gatewayTopic, sparkplugRoot, telemetryRoot } from '../decode/topic.ts';

export const captureNames = ['site', 'asset', 'point'] as const;
export type CaptureName = (typeof captureNames)[number];

export type Level =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'capture'; readonly name: CaptureName }
  | { readonly kind: 'any' }
  | { readonly kind: 'rest' };

export type Pattern = readonly Level[];
/** What a topic says at the levels that have names. */
export type Captures = Partial<Readonly<Record<CaptureName, string>>>;

export const patternLengthMax = 512;
const levelsMax = 32;

/** Reads a pattern; what is wrong with it, and what would be right, when it is none or no template may have it. */
export function parsePattern(text: string): { readonly pattern: Pattern } | { readonly problem: string } {
  const parts = text.split('/', levelsMax + 1);
  if (parts.length > levelsMax) return { problem: `must have at most ${levelsMax} levels` };
  const levels: Level[] = [];
  const captured = new Set<CaptureName>();
  for (const [i, part] of parts.entries()) {
    const level = parseLevel(part, i === parts.length - 1);
    if ('problem' in level) return level;
    if (level.kind === 'capture' && captured.has(level.name)) return { problem: `has {${level.name}} twice` };
    if (level.kind === 'capture') captured.add(level.name);
    levels.push(level);
  }
  const problem = builtInProblem(levels);
  return problem === undefined ? { pattern: levels } : { problem };
}

/** What a topic says where the pattern has names; undefined when it does not match. Its levels are the topic's, split at `/`. */
export function matchPattern(pattern: Pattern, topic: readonly string[]): Captures | undefined {
  const captures: { -readonly [Name in CaptureName]?: string } = {};
  for (const [i, level] of pattern.entries()) {
    if (level.kind === 'rest') return startsReserved(pattern, topic) ? undefined : captures;
    const part = topic[i];
    if (part === undefined) return undefined;
    if (level.kind === 'text' ? part !== level.text : i === 0 && part.startsWith('$')) return undefined;
    if (level.kind === 'capture') captures[level.name] = part;
  }
  return topic.length === pattern.length ? captures : undefined;
}

/** Which topics a pattern matches, whatever it calls their levels: two of one shape match the same. */
export function shapeOf(pattern: Pattern): string {
  return pattern.map((level) => (level.kind === 'text' ? level.text : level.kind === 'rest' ? '#' : '+')).join('/');
}

/**
 * Orders patterns so that the most specific comes first: at the first level where they differ a text is before a wildcard,
 * and any level before `#`. Two of different shapes are never equal.
 */
export function compareSpecificity(a: Pattern, b: Pattern): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = rankOf(b[i]) - rankOf(a[i]);
    if (difference !== 0) return difference;
  }
  const [left, right] = [shapeOf(a), shapeOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function rankOf(level: Level | undefined): number {
  if (level === undefined) return 1;
  return { text: 3, capture: 2, any: 2, rest: 0 }[level.kind];
}

/** [MQTT-4.7.2-1]: a wildcard at the front does not match a topic of the server's own. */
function startsReserved(pattern: Pattern, topic: readonly string[]): boolean {
  return pattern[0]?.kind === 'rest' && topic[0]?.startsWith('$') === true;
}

function parseLevel(part: string, isLast: boolean): Level | { problem: string } {
  if (part === '+') return { kind: 'any' };
  if (part === '#') return isLast ? { kind: 'rest' } : { problem: 'may have # as its last level only' };
  const name = /^\{(\w+)\}$/.exec(part)?.[1];
  const known = captureNames.find((capture) => capture === name);
  if (known) return { kind: 'capture', name: known };
  if (name !== undefined) return { problem: `may have {site}, {asset} and {point}, not {${name.slice(0, 20)}}` };
  if (/[+#{}]/.test(part)) {
    return { problem: 'must have +, # and names in braces as whole levels, as in bms/{site}/+/{point}' };
  }
  // An empty level is one: many topics begin with a slash.
  if (part !== '' && !isTopicName(part)) {
    return { problem: 'must have levels of at most 128 characters, none of them a control character' };
  }
  return { kind: 'text', text: part };
}

/** Topics that are read without any template never come to one, so a pattern that begins as they do must lead elsewhere. */
function builtInProblem(pattern: Pattern): string | undefined {
  const [first] = pattern;
  if (first?.kind !== 'text') return undefined;
  if (pattern.length === 1 && first.text === '') return 'must have a level, as in bms/{site}/{asset}/{point}';
  if (first.text === '$SYS' || first.text === '$share') return `can never match: ${first.text} belongs to brokers`;
  if (first.text === sparkplugRoot) return `must not begin with ${sparkplugRoot}, which is read as Sparkplug B`;
  if (first.text === telemetryRoot && (hasLength(pattern, 3) || hasLength(pattern, 4))) {
    return `must not match ${telemetryRoot}/{site}/{asset} or ${telemetryRoot}/{site}/{asset}/{point}, which are read without a template`;
  }
  const taken = [deviceTopic, gatewayTopic].find((topic) => matchPattern(pattern, topic.split('/')));
  return taken === undefined ? undefined : `must not match ${taken}, which is read without a template`;
}

function hasLength(pattern: Pattern, levels: number): boolean {
  const rest = pattern.at(-1)?.kind === 'rest';
  return rest ? pattern.length - 1 <= levels : pattern.length === levels;
}
