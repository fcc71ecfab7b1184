/**
 * A server's EngineeringUnits as a unit that is known here. The unitId of UNECE Recommendation 20 is its code of up to three
 * characters, a byte each (OPC 10000-8, 5.6.3); many servers give another number, or none, and a name alone.
 */
import { findUnit } from '../../../assets/units.ts';

export type EngineeringUnit = {
  readonly namespaceUri: string | null;
  readonly unitId: number;
  readonly displayName: string | null;
  readonly description: string | null;
};

const unece = 'un/cefact';
const lengthMax = 32;

/** The id of a unit that is known here; else the name that the server shows; null where it shows none. */
export function unitOf({ namespaceUri, unitId, displayName, description }: EngineeringUnit): string | null {
  const byCode = codes.get(codeOf(unitId));
  const byName = findNamed(displayName) ?? findNamed(description);
  const isUnece = namespaceUri?.endsWith(unece) ?? false;
  const known = isUnece ? (byCode ?? byName) : (byName ?? byCode);
  if (known !== undefined) return known;
  const shown =
    displayName
      ?.replaceAll(/\p{Cc}/gu, '')
      .toWellFormed()
      .trim() ?? '';
  return shown === '' ? null : shown.slice(0, lengthMax);
}

/** The code in a unitId: 4408652 is 0x43454C, CEL. */
function codeOf(unitId: number): string {
  if (!Number.isInteger(unitId) || unitId <= 0) return '';
  const bytes = [unitId >>> 24, (unitId >>> 16) & 0xff, (unitId >>> 8) & 0xff, unitId & 0xff];
  return String.fromCharCode(...bytes.filter((byte) => byte !== 0));
}

function findNamed(name: string | null): string | undefined {
  if (!name) return undefined;
  const trimmed = name.trim();
  return findUnit(trimmed)?.id ?? findUnit(trimmed.replaceAll(/[\s_]+/g, ''))?.id ?? spoken.get(trimmed.toLowerCase());
}

/** Names of UNECE's list, which servers give as a description. */
const spoken = new Map([
  ['degree celsius', 'degC'],
  ['degree fahrenheit', 'degF'],
  ['kilowatt hour', 'kWh'],
  ['megawatt hour', 'MWh'],
  ['watt hour', 'Wh'],
  ['cubic metre per hour', 'm3/h'],
  ['cubic metre per second', 'm3/s'],
  ['litre per second', 'L/s'],
  ['litre per minute', 'L/min'],
  ['litre per hour', 'L/h'],
  ['kilogram per second', 'kg/s'],
  ['kilogram per hour', 'kg/h'],
  ['metre per second', 'm/s'],
  ['millimetre per second', 'mm/s'],
  ['revolutions per minute', 'rpm'],
  ['parts per million', 'ppm'],
  ['cubic metre', 'm3'],
  ['square metre', 'm2'],
]);

const codes = new Map(
  `CEL degC|FAH degF|KEL K|P1 percent|NX permille|59 ppm|61 ppb|PAL Pa|A97 hPa|MBR hPa|KPA kPa|MPA MPa|BAR bar|ATM atm|PS psi
   F79 inHg|HN mmHg|MQS m3/s|G53 m3/min|MQH m3/h|G51 L/s|L2 L/min|E32 L/h|KGS kg/s|E93 kg/h|2L cfm|RPM rpm|RPS rps|2A rad/s
   HTZ Hz|KHZ kHz|AMP A|4K mA|B22 kA|VLT V|2Z mV|KVT kV|OHM Ohm|B49 kOhm|WTT W|C31 mW|KWT kW|MAW MW|BHP hp|D46 VA|KVA kVA
   D44 var|KVR kvar|D54 W/m2|JOU J|KJO kJ|3B MJ|GV GJ|WHR Wh|KWH kWh|MWH MWh|J2 J/kg|B42 kJ/kg|C16 mm/s|MTS m/s|KMH km/h|IU in/s
   FR ft/min|FS ft/s|HM mph|MSK m/s2|K40 gn|MTR m|CMT cm|MMT mm|4H um|KMT km|INH in|FOT ft|MTK m2|FTK ft2|MTQ m3|LTR L
   GLL gal|FTQ ft3|NU Nm|B48 kNm|NEW N|B47 kN|C26 ms|SEC s|MIN min|HUR h|DAY d|KGM kg|GRM g|TNE t|LBR lb|DD deg|C81 rad|LUX lx
   2N dB|Q30 pH|GQ ug/m3|GP mg/m3`
    .split(/[|\n]/)
    .map((entry) => entry.trim().split(' ') as [string, string])
    .filter(([, id]) => findUnit(id) !== undefined),
);
