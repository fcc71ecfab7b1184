/**
 * Units of measurement: what a point delivers and what a rule asks for, joined by an affine pair.
 *
 *   value in the dimension's base = scale * value + offset
 *
 * A difference has no offset, so `delta_degC` is a dimension of its own (2 delta_degF is 1.11 K).
 * Names are those of QUDT (https://qudt.org/vocab/unit) and UCUM (https://ucum.org) beside the common ones.
 */

export type Unit = { id: string; dimension: string; scale: number; offset: number; symbol: string };

/** Turns a value of one unit into another: `scale * value + offset`. */
export type Conversion = { scale: number; offset: number };

/** The unit of that name in any of the three vocabularies; absent when nobody knows it. */
export function findUnit(name: string): Unit | undefined {
  return byName.get(name) ?? byName.get(name.replace(/^(?:unit|qudt|ucum):/, '').toLowerCase());
}

/** The affine pair between two units, or undefined when their dimensions differ. */
export function findConversion(from: Unit, to: Unit): Conversion | undefined {
  if (from.dimension !== to.dimension) return undefined;
  return { scale: from.scale / to.scale, offset: (from.offset - to.offset) / to.scale };
}

/** The unit of the difference of two values: degC gives delta_degC, every other unit gives itself. */
export function differenceUnit(unit: Unit): Unit {
  return (unit.dimension === 'temperature' && byName.get(`delta_${unit.id}`)) || unit;
}

/** The ids of all units, for suggestions and for the documentation. */
export function listUnitIds(): string[] {
  return units.map(({ id }) => id);
}

// id | dimension | scale | offset | symbol | other names
const table = `
degC|temperature|1|273.15|°C|°C DEG_C Cel celsius deg_C degreesCelsius
degF|temperature|0.5555555555555556|255.3722222222222|°F|°F DEG_F [degF] fahrenheit deg_F degreesFahrenheit
K|temperature|1|0|K|kelvin degK
delta_degC|temperature-difference|1|0|K|delta_K K_delta DELTA_DEG_C DeltaCel
delta_degF|temperature-difference|0.5555555555555556|0|°F|DELTA_DEG_F delta_[degF]
fraction|ratio|1|0||UNITLESS FRACTION 1 ratio
percent|ratio|0.01|0|%|% PERCENT pct
ppm|concentration|1|0|ppm|PPM [ppm] partsPerMillion
ppb|concentration|0.001|0|ppb|PPB [ppb]
Pa|pressure|1|0|Pa|PA pascal pascals
hPa|pressure|100|0|hPa|HectoPA mbar MilliBAR
kPa|pressure|1000|0|kPa|KiloPA kilopascals
bar|pressure|100000|0|bar|BAR
psi|pressure|6894.757293168361|0|psi|PSI [psi] LB_F-PER-IN2 poundsPerSquareInch
inH2O|pressure|249.08891|0|inH2O|IN_H2O [in_i'H2O] inWC in.w.c. iwc inH₂O inchesOfWater
m3/s|volume-flow|1|0|m³/s|M3-PER-SEC m³/s cubicMetersPerSecond
m3/h|volume-flow|0.0002777777777777778|0|m³/h|M3-PER-HR m³/h cubicMetersPerHour
L/s|volume-flow|0.001|0|L/s|L-PER-SEC l/s litersPerSecond
cfm|volume-flow|0.00047194745|0|cfm|FT3-PER-MIN [cft_i]/min cubicFeetPerMinute
gpm|volume-flow|0.0000630901964|0|gpm|GAL_US-PER-MIN [gal_us]/min gallonsPerMinute
rpm|rotation|1|0|rpm|REV-PER-MIN {rpm} r/min revolutionsPerMinute
Hz|frequency|1|0|Hz|HZ hertz
A|current|1|0|A|AMP ampere amperes
mA|current|0.001|0|mA|MilliA milliamperes
V|voltage|1|0|V|VOLT volt volts
kV|voltage|1000|0|kV|KiloV
W|power|1|0|W|watt watts
kW|power|1000|0|kW|KiloW kilowatt kilowatts
MW|power|1000000|0|MW|MegaW
Wh|energy|3600|0|Wh|W-HR W.h
kWh|energy|3600000|0|kWh|KiloW-HR kW.h kilowattHours
MJ|energy|1000000|0|MJ|MegaJ
mm/s|velocity|0.001|0|mm/s|MilliM-PER-SEC millimetersPerSecond
m/s|velocity|1|0|m/s|M-PER-SEC metersPerSecond
in/s|velocity|0.0254|0|in/s|IN-PER-SEC [in_i]/s inchesPerSecond ips
Nm|torque|1|0|Nm|N-M N.m newtonMeters
s|time|1|0|s|SEC seconds
min|time|60|0|min|MIN minutes
h|time|3600|0|h|HR hour hours
kg|mass|1|0|kg|KiloGM
lx|illuminance|1|0|lx|LUX lux
count|count|1|0||NUM {count}
bool|truth|1|0||BOOLEAN boolean on/off onoff
`;

const units: Unit[] = [];
const byName = new Map<string, Unit>();
for (const line of table.trim().split('\n')) {
  const [id, dimension, scale, offset, symbol, others] = line.split('|') as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const unit: Unit = { id, dimension, scale: Number(scale), offset: Number(offset), symbol };
  units.push(unit);
  for (const name of [id, ...others.split(' ')]) byName.set(name, unit);
}
// A second pass, so that a lower-case spelling never hides a unit that is written that way (MW and mW differ).
for (const [name, unit] of [...byName]) if (!byName.has(name.toLowerCase())) byName.set(name.toLowerCase(), unit);
