/**
 * What a class name of a building model means, whichever version of Brick it was written for: names of Brick 1.0 to 1.4,
 * deprecated ones, RealEstateCore's for locations, and names that people made up in Brick's manner.
 *
 *   known      Brick has it                                          Supply_Air_Temperature_Sensor
 *   replaced   Brick had it, and says what stands for it now         Chilled_Water_Supply_Temperature_Sensor
 *   words      the same words in another order or spelling           Discharge_Air_Temperature_Cooling_Setpoint, Zone_Temperature_Sensor
 *   part       a part of equipment and a quantity of it              Cooling_Coil_Discharge_Air_Temperature_Sensor
 *   kind       only what it is in general                            Ventilation_Ratio_Limit_Setpoint: a Setpoint
 */
import { canonicalClass, depthOf, findReplacement, isKnownClass, isSubclassOf, listClasses } from '../brick-classes.ts';

export type ClassMeaning = {
  readonly class: string;
  /** The part of the equipment that the name itself names, or null. */
  readonly part: string | null;
  readonly how: 'known' | 'replaced' | 'words' | 'part' | 'kind';
};

/** What a class's local name (`Zone_Temperature_Sensor`, without prefix) means; undefined when not even its kind can be told. */
export function findMeaning(name: string): ClassMeaning | undefined {
  const known = meanings.get(name);
  if (known !== undefined) return known ?? undefined;
  const meaning = read(name);
  if (meanings.size < 5_000) meanings.set(name, meaning ?? null);
  return meaning;
}

const meanings = new Map<string, ClassMeaning | null>();

function read(name: string): ClassMeaning | undefined {
  const replacement = findReplacement(name);
  if (replacement !== undefined) return { class: replacement, part: null, how: 'replaced' };
  if (isKnownClass(name)) return { class: `brick:${name}`, part: null, how: 'known' };
  const words = wordsOf(name);
  // A name of more words than any class has means nothing, and its parts would be tried in vain.
  if (words.length > 20) return undefined;
  const spelled = findByWords(words);
  if (spelled !== undefined) return { class: spelled, part: null, how: 'words' };
  return findPartAndPoint(words) ?? findKind(words);
}

/** The class whose name has these words in any order, also with the words that Brick 1.0 and people leave out. */
export function findByWords(words: readonly string[]): string | undefined {
  for (const variant of variantsOf(words)) {
    const found = findExactly(variant);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The words of a name, in small letters and in one spelling. */
export function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replace(/(pre|re)_heat(?=_|$)/g, '$1heat')
    .replace(/dew_point/g, 'dewpoint')
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')
    .flatMap((word) => (spellings.get(word) ?? word).split(' '));
}

const spellings = new Map(
  `temp temperature|electrical electric|discharge supply|outdoor outside|fresh outside|stpt setpoint|sp setpoint|cmd command|sts status
  deadband dead band|handler handling|integrative integral|factor parameter|overriden overridden|minimum min|maximum max|avg average
  startstop start stop|onoff on off|storey floor|highest warmest|lowest coldest|prop proportional|detected detection
  cws chilled water system|hws hot water system|dhws domestic hot water system|oat outside air temperature`
    .split(/\||\n/)
    .map((pair) => pair.trim())
    .map((pair) => [pair.slice(0, pair.indexOf(' ')), pair.slice(pair.indexOf(' ') + 1)]),
);

/** The words themselves, then with the words that are commonly left out: `Zone Temperature` is that of the air, and a measurement is a sensor's. */
function variantsOf(words: readonly string[]): string[][] {
  let variants = [[...words]];
  for (const change of changes) {
    variants = variants.flatMap((variant) => {
      const changed = change(variant);
      return changed === undefined ? [variant] : [variant, changed];
    });
  }
  return variants;
}

type Words = readonly string[];

const has = (words: Words, ...any: string[]) => any.some((word) => words.includes(word));
const replaced = (words: Words, from: string, to: string) => words.map((word) => (word === from ? to : word));

const changes: ((words: Words) => string[] | undefined)[] = [
  (words) => (has(words, 'room', 'space') ? replaced(replaced(words, 'room', 'zone'), 'space', 'zone') : undefined),
  (words) => (quantities.has(words.at(-1) ?? '') ? [...words, 'sensor'] : undefined),
  (words) => (isOfAir(words) ? [...words, 'air'] : undefined),
  // Brick 1.4 speaks of leaving and entering water where it spoke of supply and return.
  (words) => (has(words, 'water') ? replaced(replaced(words, 'supply', 'leaving'), 'return', 'entering') : undefined),
  (words) => (has(words, 'band', 'time', 'gain', 'step') ? replaced(words, 'setpoint', 'parameter') : undefined),
  (words) => (has(words, 'max', 'min') && has(words, 'setpoint') ? [...words, 'limit'] : undefined),
  (words) => (has(words, 'alarm') && has(words, 'limit') ? words.filter((word) => word !== 'limit') : undefined),
];

const quantities = new Set(
  'temperature pressure flow humidity power energy co2 voltage current speed enthalpy dewpoint demand position frequency'.split(
    ' ',
  ),
);

function isOfAir(words: Words): boolean {
  const isQuantity = has(words, 'temperature', 'humidity', 'flow', 'static', 'co2');
  // What enters and leaves may be water as well as air.
  return isQuantity && !has(words, 'air', 'water', 'steam', 'oil', 'refrigerant', 'entering', 'leaving');
}

/** A piece of equipment and a point of it in one name; the last word of the first may begin the second (`Reheat Valve Command`). */
function findPartAndPoint(words: Words): ClassMeaning | undefined {
  for (let cut = words.length - 1; cut >= 1; cut--) {
    const part = findEquipment(words.slice(0, cut));
    if (part === undefined) continue;
    const point = [words.slice(cut - 1), words.slice(cut)].map(findByWords).find((found) => found && isPoint(found));
    if (point !== undefined) return { class: point, part, how: 'part' };
    const inner = findPartAndPoint(words.slice(cut));
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function findEquipment(words: Words): string | undefined {
  const found = findByWords(words) ?? findByWords(words.filter((word) => word !== 'air'));
  return found !== undefined && (isSubclassOf(found, 'brick:Equipment') || isSubclassOf(found, 'brick:Collection'))
    ? found
    : undefined;
}

function isPoint(name: string): boolean {
  return isSubclassOf(name, 'brick:Point');
}

/** The last two words or the last one are what the thing is in general: any `... Temperature Sensor` is a Temperature_Sensor. */
function findKind(words: Words): ClassMeaning | undefined {
  const isPair = ['on off', 'start stop'].includes(words.slice(-3, -1).join(' '));
  const found = (isPair ? findExactly(words.slice(-3)) : findExactly(words.slice(-2))) ?? findExactly(words.slice(-1));
  // A connection point of a pipe is no point in Brick's sense.
  if (found !== undefined && found !== 'brick:Point') return { class: found, part: null, how: 'kind' };
  const kind = words.map((word) => kinds[word]).find((known) => known !== undefined);
  return kind === undefined ? undefined : { class: kind, part: null, how: 'kind' };
}

const kinds: Record<string, string> = {
  ...{ limit: 'brick:Parameter', mode: 'brick:Status', override: 'brick:Command', enable: 'brick:Command' },
  ...{
    setpoint: 'brick:Setpoint',
    status: 'brick:Status',
    alarm: 'brick:Alarm',
    sensor: 'brick:Sensor',
    kitchen: 'brick:Space',
  },
};

function findExactly(words: Words): string | undefined {
  return byWords.get(keyOf(words));
}

const byWords = new Map<string, string>();
// The shallower class first, so that of two names with the same words the more general one is taken.
for (const name of listClasses().sort((left, right) => depthOf(left) - depthOf(right))) {
  const key = keyOf(wordsOf(name.slice(name.indexOf(':') + 1)));
  if (!byWords.has(key)) byWords.set(key, canonicalClass(name));
}

function keyOf(words: readonly string[]): string {
  return [...new Set(words)].sort().join(' ');
}
