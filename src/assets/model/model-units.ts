/** The units that a quantity usually has where a model states none: Brick 1.0 has no units at all. */
import { isSubclassOf } from '../brick-classes.ts';
import { wordsOf } from './class-names.ts';

/** `us` for Fahrenheit, cubic feet and inches of water, `si` for Celsius, litres and pascals. */
export type UnitSystem = 'us' | 'si';

/** The usual unit of a class of points, as units are called here; null for what has none (a status, a mode, a gain). */
export function assumeUnit(name: string | null, system: UnitSystem): string | null {
  if (name === null || !['Sensor', 'Setpoint', 'Command', 'Point'].some((kind) => isSubclassOf(name, `brick:${kind}`)))
    return null;
  const words = new Set(wordsOf(name.slice(name.indexOf(':') + 1)));
  const found = usual.find(([wanted]) => wanted.split(' ').every((word) => words.has(word)));
  return found === undefined || found[1] === '' ? null : (found[system === 'us' ? 2 : 1] as string);
}

// The words of a class | SI | US. The first row whose words a class has counts; a row without units says that it has none.
const usual = `
parameter||
mode||
enable||
on off||
start stop||
occupancy||
deadband|delta_degC|delta_degF
differential temperature|delta_degC|delta_degF
temperature|degC|degF
humidity|percent|percent
co2|ppm|ppm
static pressure|Pa|inH2O
filter pressure|Pa|inH2O
air pressure|Pa|inH2O
water pressure|kPa|psi
water flow|L/s|gpm
air flow|L/s|cfm
position|percent|percent
fan speed|percent|percent
valve command|percent|percent
damper command|percent|percent
electric power|kW|kW
electric energy|kWh|kWh
current|A|A
voltage|V|V
frequency|Hz|Hz
`
  .trim()
  .split('\n')
  .map((line) => line.split('|') as [string, string, string]);
