/**
 * What the tags of Project Haystack mean in Brick's classes (https://project-haystack.org/doc/appendix/tag). Of the rows whose
 * tags a record has, the one with the most tags counts; what no row knows is looked for by the words of the tags.
 */
import { isSubclassOf } from '../brick-classes.ts';
import { findByWords } from './class-names.ts';
import { equipmentTable, pointTable, spaceTable } from './haystack-tables.ts';

export type TagMeaning = { readonly class: string; readonly part: string | null };

/** What a point's marker tags mean; `isBool` tells a valve that is open or shut from one that has a position. */
export function findPointMeaning(tags: ReadonlySet<string>, isBool: boolean): TagMeaning | undefined {
  const all = withSynonyms(tags);
  const part = partOf(all);
  const listed = best(pointRows, new Set([...all, isBool ? 'Bool' : 'Number']));
  if (listed !== undefined) return { class: `brick:${listed}`, part };
  const found = findByTags(all);
  return found === undefined ? undefined : { class: found, part };
}

/** What the marker tags of a piece of equipment mean. */
export function findEquipmentClass(tags: ReadonlySet<string>): string | undefined {
  const found = best(equipmentRows, withSynonyms(tags));
  return found === undefined ? undefined : `brick:${found}`;
}

/** What the marker tags of a space mean: a floor, a room, a zone. */
export function findSpaceClass(tags: ReadonlySet<string>): string {
  return `brick:${best(spaceRows, tags) ?? 'Space'}`;
}

const pointRows = rowsOf(pointTable);
const equipmentRows = rowsOf(equipmentTable);
const spaceRows = rowsOf(spaceTable);

function rowsOf(table: string): { tags: string[]; class: string }[] {
  return table
    .trim()
    .split('\n')
    .map((line) => line.split('|') as [string, string])
    .map(([tags, name]) => ({ tags: tags.split(' '), class: name }));
}

function best(rows: readonly { tags: string[]; class: string }[], tags: ReadonlySet<string>): string | undefined {
  const fitting = rows.filter((row) => row.tags.every((tag) => tags.has(tag)));
  return fitting.reduce<(typeof rows)[number] | undefined>(
    (most, row) => (row.tags.length > (most?.tags.length ?? 0) ? row : most),
    undefined,
  )?.class;
}

/** Haystack 3 and 4 have different words for some things, and joined ones (`hot-water`, `chilledWater`). */
function withSynonyms(tags: ReadonlySet<string>): Set<string> {
  const all = new Set(tags);
  for (const tag of tags) for (const word of synonyms[tag] ?? []) all.add(word);
  return all;
}

const synonyms: Record<string, string[]> = {
  ...{
    cool: ['cooling'],
    heat: ['heating'],
    cooling: ['cool'],
    heating: ['heat'],
    supply: ['discharge'],
    hisTotalized: [],
  },
  ...{
    chilledWater: ['chilled', 'water'],
    hotWater: ['hot', 'water'],
    condenserWater: ['condenser', 'water'],
    coldWater: ['chilled', 'water'],
  },
  ...{
    elecHeat: ['elec', 'heating'],
    elecReheat: ['reheat', 'heating'],
    hotWaterReheat: ['reheat', 'heating'],
    reheat: ['heating'],
  },
  ...{
    chilledWaterCool: ['cooling'],
    dxCool: ['cooling'],
    space: ['zone'],
    room: ['zone'],
    bypassDamper: ['damper'],
    variableFreqDrive: ['vfd'],
  },
  ...{
    occupied: ['occ'],
    unoccupied: ['unocc'],
    'ac-elec': ['elec'],
    airHandlingEquip: [],
    flowMeter: ['meter', 'flow'],
    entering: [],
    'elec-meter': ['elec', 'meter'],
  },
  ...{
    'chilled-water-plant': ['chilledWaterPlant'],
    'hot-water-plant': ['hotWaterPlant'],
    'cooling-tower': ['coolingTower'],
    rooftopUnit: ['rtu'],
  },
};

/** The part of the equipment that a point's tags name. */
function partOf(tags: ReadonlySet<string>): string | null {
  const side = ['discharge', 'return', 'exhaust', 'relief', 'outside', 'mixed'].find((tag) => tags.has(tag));
  if (tags.has('damper')) return side === undefined ? 'brick:Damper' : `brick:${sides[side] ?? 'Outside'}_Damper`;
  if (tags.has('fan'))
    return side === undefined ? null : `brick:${side === 'discharge' ? 'Supply' : (sides[side] ?? 'Supply')}_Fan`;
  if (tags.has('cmd') || tags.has('valve')) {
    if (tags.has('cooling') || tags.has('chilled')) return 'brick:Cooling_Coil';
    if (tags.has('heating') || tags.has('hot')) return 'brick:Heating_Coil';
  }
  const phase = ['A', 'B', 'C', 'AB', 'BC', 'CA'].find((name) => tags.has(`phase${name}`));
  return phase === undefined ? null : `faultline:Phase_${phase}`;
}

const sides: Record<string, string> = {
  return: 'Return',
  exhaust: 'Exhaust',
  relief: 'Relief',
  outside: 'Outside',
  mixed: 'Mixed',
  discharge: 'Supply',
};

const words: Record<string, string> = {
  temp: 'temperature',
  sp: 'setpoint',
  cmd: 'command',
  discharge: 'supply',
  volt: 'voltage',
  occ: 'occupied',
  unocc: 'unoccupied',
  freq: 'frequency',
  dewPoint: 'dewpoint',
  delta: 'differential',
  enthalpy: 'enthalpy',
};

/** A class whose words are all among the tags; a single quantity with its kind when nothing more is known. */
function findByTags(tags: ReadonlySet<string>): string | undefined {
  const kind = ['sensor', 'sp', 'cmd'].find((tag) => tags.has(tag));
  if (kind === undefined) return undefined;
  const given = [...tags].filter((tag) => descriptive.has(tag)).map((tag) => words[tag] ?? tag);
  for (let count = given.length; count >= 1; count--) {
    const found = combinations(given, count)
      .map((some) => findByWords([...some, words[kind] ?? kind]))
      .find((name) => name !== undefined);
    if (found !== undefined && isSubclassOf(found, 'brick:Point')) return found;
  }
  return { sensor: 'brick:Sensor', sp: 'brick:Setpoint', cmd: 'brick:Command' }[kind];
}

const descriptive = new Set(
  'temp humidity pressure flow power energy discharge return mixed outside exhaust zone air water chilled hot condenser steam leaving entering static delta velocity dewPoint enthalpy speed freq level co2 current volt'.split(
    ' ',
  ),
);

/** All ways to take `count` of at most eight words, in order. */
function combinations(given: readonly string[], count: number): string[][] {
  const few = given.slice(0, 8);
  const all: string[][] = [];
  for (let mask = 1; mask < 1 << few.length; mask++) {
    const some = few.filter((_, index) => (mask >> index) & 1);
    if (some.length === count) all.push(some);
  }
  return all;
}
