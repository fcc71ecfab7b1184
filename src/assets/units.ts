/**
 * Units of measurement: what a point delivers and what a rule asks for, joined by an affine pair.
 *
 *   value in the dimension's base = scale * value + offset
 *
 * A difference has no offset, so `delta_degC` is a dimension of its own (2 delta_degF is 1.11 K).
 * Names are those of QUDT (https://qudt.org/vocab/unit) and UCUM (https://ucum.org) beside the common ones.
 */

export type Unit = { id: string; dimension: string; scale: number; offset: number; symbol: string };

/** Turns a value of one unit into another, with `convert`. */
export type Conversion = { scale: number; offset: number; steps: number };

/**
 * `scale * value + offset`, to the nearest of so many `steps` per unit (0: to the bit). 5/9 is no double: without the steps 59 degF
 * would be a trifle beside 15 degC, and 0.29 beside 29 percent, and a rule that asks for 15 or 29 would miss them. A quotient of
 * whole numbers is rounded once, so a round number comes out as the one that a rule's author writes.
 */
export function convert(value: number, scale: number, offset: number, steps: number): number {
  const plain = value * scale + offset;
  return steps === 0 ? plain : Math.floor(plain * steps + 0.5) / steps;
}

/** The unit of that name in any of the three vocabularies, QUDT's with or without its prefix; absent when nobody knows it. */
export function findUnit(name: string): Unit | undefined {
  const known = byName.get(name);
  if (known) return known;
  const bare = name.trim().replace(prefix, '');
  return byName.get(bare) ?? byName.get(bare.toLowerCase());
}

const prefix = /^(?:unit:|qudt:|ucum:|https?:\/\/qudt\.org\/(?:[\d.]+\/)?vocab\/unit\/)/i;

/** The conversion between two units, or undefined when their dimensions differ. */
export function findConversion(from: Unit, to: Unit): Conversion | undefined {
  if (from.dimension !== to.dimension) return undefined;
  if (from.scale === to.scale && from.offset === to.offset) return { scale: 1, offset: 0, steps: 0 };
  const scale = crisp(from.scale / to.scale);
  return { scale, offset: crisp((from.offset - to.offset) / to.scale), steps: stepsOf(scale) };
}

/** The same by their names; undefined where either is no unit that is known here. */
export function findNamedConversion(from: string, to: string): Conversion | undefined {
  const [given, wanted] = [findUnit(from), findUnit(to)];
  return given && wanted && findConversion(given, wanted);
}

/** 1.8 and 32, not 1.7999999999999998 and 31.99999999999995, where the rounder number is the same but for the last digits. */
function crisp(value: number): number {
  const round = Number(value.toPrecision(13));
  return Math.abs(round - value) < 1e-14 * Math.abs(value) ? round : value;
}

/** Ten digits behind the point of a value in the unit that is converted: a power of ten, which as a double is exact up to 10^22. */
function stepsOf(scale: number): number {
  return Number(`1e${Math.min(22, Math.max(0, 10 - Math.floor(Math.log10(scale))))}`);
}

/** The unit of the difference of two values: degC gives delta_degC, every other unit gives itself. */
export function differenceUnit(unit: Unit): Unit {
  if (unit.dimension !== 'temperature') return unit;
  return byName.get(unit.scale === 1 ? 'delta_degC' : 'delta_degF') as Unit;
}

/** The ids of all units, for suggestions and for the documentation. */
export function listUnitIds(): string[] {
  return units.map(({ id }) => id);
}

// id | dimension | scale | offset | symbol | other names
const table = `
degC|temperature|1|273.15|°C|°C DEG_C Cel C celsius deg_C degreesCelsius
degF|temperature|0.5555555555555556|255.3722222222222|°F|°F DEG_F [degF] F fahrenheit deg_F degreesFahrenheit
K|temperature|1|0|K|kelvin degK DEG_K
degR|temperature|0.5555555555555556|0|°R|DEG_R [degR] rankine
delta_degC|temperature-difference|1|0|K|delta_K K_delta DELTA_DEG_C DeltaCel delta_Cel
delta_degF|temperature-difference|0.5555555555555556|0|°F|DELTA_DEG_F delta_[degF]
fraction|ratio|1|0||UNITLESS FRACTION 1 ratio DECIMAL
percent|ratio|0.01|0|%|% PERCENT pct %RH PERCENT_RH percentRelativeHumidity
permille|ratio|0.001|0|‰|‰ PERMILLE [ppth]
ppm|concentration|1|0|ppm|PPM [ppm] partsPerMillion
ppb|concentration|0.001|0|ppb|PPB [ppb] partsPerBillion
ug/m3|mass-concentration|1|0|µg/m³|MicroGM-PER-M3 µg/m³ µg/m3 microgramsPerCubicMeter
mg/m3|mass-concentration|1000|0|mg/m³|MilliGM-PER-M3 mg/m³
g/kg|humidity-ratio|0.001|0|g/kg|GM-PER-KiloGM gramsOfWaterPerKilogramDryAir
kg/kg|humidity-ratio|1|0|kg/kg|KiloGM-PER-KiloGM
gr/lb|humidity-ratio|0.00014285714285714287|0|gr/lb|[gr]/[lb_av] GRAIN-PER-LB
Pa|pressure|1|0|Pa|PA pascal pascals
hPa|pressure|100|0|hPa|HectoPA mbar MilliBAR millibars
kPa|pressure|1000|0|kPa|KiloPA kilopascals
MPa|pressure|1000000|0|MPa|MegaPA megapascals
bar|pressure|100000|0|bar|BAR bars
atm|pressure|101325|0|atm|ATM
psi|pressure|6894.757293168361|0|psi|PSI [psi] psig psia LB_F-PER-IN2 poundsPerSquareInch
inH2O|pressure|249.08891|0|inH2O|IN_H2O [in_i'H2O] inWC in_wc in.w.c. in.w.g. inwg iwc inH₂O inchesOfWater
ftH2O|pressure|2989.06692|0|ftH2O|FT_H2O [ft_i'H2O] feetOfWater
mmH2O|pressure|9.80665|0|mmH2O|MilliM_H2O mm[H2O] mmH₂O
inHg|pressure|3386.388|0|inHg|IN_HG [in_i'Hg] inchesOfMercury
mmHg|pressure|133.322387415|0|mmHg|MilliM_HG mm[Hg] torr TORR
m3/s|volume-flow|1|0|m³/s|M3-PER-SEC m³/s cubicMetersPerSecond
m3/min|volume-flow|0.016666666666666666|0|m³/min|M3-PER-MIN m³/min cubicMetersPerMinute
m3/h|volume-flow|0.0002777777777777778|0|m³/h|M3-PER-HR m³/h m3/hr cubicMetersPerHour
L/s|volume-flow|0.001|0|L/s|L-PER-SEC l/s litersPerSecond
L/min|volume-flow|0.000016666666666666667|0|L/min|L-PER-MIN lpm litersPerMinute
L/h|volume-flow|2.777777777777778e-7|0|L/h|L-PER-HR litersPerHour
cfm|volume-flow|0.00047194745|0|cfm|FT3-PER-MIN [cft_i]/min ft3/min scfm cubicFeetPerMinute
cfh|volume-flow|0.0000078657908|0|cfh|FT3-PER-HR [cft_i]/h ft3/h cubicFeetPerHour
cfs|volume-flow|0.028316846592|0|cfs|FT3-PER-SEC [cft_i]/s ft3/s
gpm|volume-flow|0.0000630901964|0|gpm|GAL_US-PER-MIN [gal_us]/min gal/min usgpm gallonsPerMinute
gph|volume-flow|0.00000105150327|0|gph|GAL_US-PER-HR [gal_us]/h gallonsPerHour
kg/s|mass-flow|1|0|kg/s|KiloGM-PER-SEC kilogramsPerSecond
kg/h|mass-flow|0.0002777777777777778|0|kg/h|KiloGM-PER-HR kg/hr kilogramsPerHour
lb/h|mass-flow|0.00012599788055555556|0|lb/h|LB-PER-HR [lb_av]/h lb/hr poundsMassPerHour
rpm|rotation|1|0|rpm|REV-PER-MIN {rpm} {rev}/min r/min rev/min revolutionsPerMinute
rps|rotation|60|0|rps|REV-PER-SEC {rev}/s r/s rev/s
rad/s|rotation|9.549296585513721|0|rad/s|RAD-PER-SEC radiansPerSecond
Hz|frequency|1|0|Hz|HZ hertz cycles/s
kHz|frequency|1000|0|kHz|KiloHZ kilohertz
cpm|frequency|0.016666666666666666|0|cpm|{cycles}/min cycles/min
1/h|frequency|0.0002777777777777778|0|1/h|/h PER-HR perHour
A|current|1|0|A|AMP ampere amperes amps
mA|current|0.001|0|mA|MilliA milliamperes
kA|current|1000|0|kA|KiloA
V|voltage|1|0|V|VOLT volt volts
mV|voltage|0.001|0|mV|MilliV millivolts
kV|voltage|1000|0|kV|KiloV kilovolts
Ohm|resistance|1|0|Ω|OHM Ω ohms
kOhm|resistance|1000|0|kΩ|KiloOHM kΩ kilohms
uS/cm|conductivity|1|0|µS/cm|MicroS-PER-CentiM µS/cm
mS/cm|conductivity|1000|0|mS/cm|MilliS-PER-CentiM
W|power|1|0|W|watt watts
mW|power|0.001|0|mW|MilliW
kW|power|1000|0|kW|KiloW kilowatt kilowatts
MW|power|1000000|0|MW|MegaW megawatts
Btu/h|power|0.2930710701722222|0|Btu/h|BTU_IT-PER-HR [Btu_IT]/h btuh BTU/hr btusPerHour
kBtu/h|power|293.0710701722222|0|kBtu/h|KiloBTU_IT-PER-HR k[Btu_IT]/h MBH mbh kBtu/hr kilobtusPerHour
ton|power|3516.852842066667|0|ton|TON_FG {ton_refrigeration} tonR TR tons ton_refrigeration tonsRefrigeration
hp|power|745.6998715822702|0|hp|HP [HP] horsepower
VA|apparent-power|1|0|VA|V-A V.A voltAmperes
kVA|apparent-power|1000|0|kVA|KiloV-A kV.A kilovoltAmperes
var|reactive-power|1|0|var|V-A_Reactive VAR voltAmperesReactive
kvar|reactive-power|1000|0|kvar|KiloV-A_Reactive kVAR kilovoltAmperesReactive
kW/ton|specific-power|1|0|kW/ton|KiloW-PER-TON_FG kw/tr kilowattsPerTon
W/m2|irradiance|1|0|W/m²|W-PER-M2 W/m² wattsPerSquareMeter
J|energy|1|0|J|joule joules
kJ|energy|1000|0|kJ|KiloJ kilojoules
MJ|energy|1000000|0|MJ|MegaJ megajoules
GJ|energy|1000000000|0|GJ|GigaJ gigajoules
Wh|energy|3600|0|Wh|W-HR W.h wattHours
kWh|energy|3600000|0|kWh|KiloW-HR kW.h kilowattHours
MWh|energy|3600000000|0|MWh|MegaW-HR MW.h megawattHours
Btu|energy|1055.05585262|0|Btu|BTU_IT [Btu_IT] btus
kBtu|energy|1055055.85262|0|kBtu|KiloBTU_IT k[Btu_IT] kilobtus
therm|energy|105505585.262|0|therm|THERM_US THM_US therms
ton_h|energy|12660670.23144|0|ton·h|TON_FG-HR tonh ton-h tonHours tonsRefrigerationHours
kvarh|reactive-energy|1|0|kvarh|KiloV-A_Reactive-HR kVARh kilovoltAmpereHoursReactive
J/kg|enthalpy|1|0|J/kg|J-PER-KiloGM joulesPerKilogramDryAir
kJ/kg|enthalpy|1000|0|kJ/kg|KiloJ-PER-KiloGM kilojoulesPerKilogramDryAir
Btu/lb|enthalpy|2326|0|Btu/lb|BTU_IT-PER-LB [Btu_IT]/[lb_av] btusPerPoundDryAir
mm/s|velocity|0.001|0|mm/s|MilliM-PER-SEC millimetersPerSecond
m/s|velocity|1|0|m/s|M-PER-SEC metersPerSecond
km/h|velocity|0.2777777777777778|0|km/h|KiloM-PER-HR kph kilometersPerHour
in/s|velocity|0.0254|0|in/s|IN-PER-SEC [in_i]/s inchesPerSecond ips
ft/min|velocity|0.00508|0|ft/min|FT-PER-MIN [ft_i]/min fpm feetPerMinute
ft/s|velocity|0.3048|0|ft/s|FT-PER-SEC [ft_i]/s feetPerSecond
mph|velocity|0.44704|0|mph|MI-PER-HR [mi_i]/h milesPerHour
m/s2|acceleration|1|0|m/s²|M-PER-SEC2 m/s² metersPerSecondPerSecond
mm/s2|acceleration|0.001|0|mm/s²|MilliM-PER-SEC2 mm/s²
gn|acceleration|9.80665|0|g|G [g] g0 standardGravity
m|length|1|0|m|M metre meter meters
cm|length|0.01|0|cm|CentiM centimeters
mm|length|0.001|0|mm|MilliM millimeters
um|length|0.000001|0|µm|MicroM µm micron micrometers
km|length|1000|0|km|KiloM kilometers
in|length|0.0254|0|in|IN [in_i] inch inches
ft|length|0.3048|0|ft|FT [ft_i] foot feet
mil|length|0.0000254|0|mil|MIL MilLength [mil_i] thou
m2|area|1|0|m²|M2 m² squareMeters
ft2|area|0.09290304|0|ft²|FT2 [sft_i] ft² sqft squareFeet
m3|volume|1|0|m³|M3 m³ cubicMeters
L|volume|0.001|0|L|l litre liter liters
gal|volume|0.003785411784|0|gal|GAL_US [gal_us] gallons
ft3|volume|0.028316846592|0|ft³|FT3 [cft_i] ft³ cubicFeet
Nm|torque|1|0|Nm|N-M N.m N·m newtonMeters
kNm|torque|1000|0|kNm|KiloN-M kN.m
lbf.ft|torque|1.3558179483314004|0|lbf·ft|LB_F-FT [lbf_av].[ft_i] lb-ft ft-lb
lbf.in|torque|0.1129848290276167|0|lbf·in|LB_F-IN [lbf_av].[in_i] in-lb
N|force|1|0|N|newton newtons
kN|force|1000|0|kN|KiloN kilonewtons
lbf|force|4.4482216152605|0|lbf|LB_F [lbf_av]
ms|time|0.001|0|ms|MilliSEC milliseconds
s|time|1|0|s|SEC sec seconds
min|time|60|0|min|MIN minutes
h|time|3600|0|h|HR hr hour hours
d|time|86400|0|d|DAY day days
kg|mass|1|0|kg|KiloGM kilograms
g|mass|0.001|0|g|GM grams
t|mass|1000|0|t|TON_Metric TONNE tonne metricTons
lb|mass|0.45359237|0|lb|LB [lb_av] lbm pounds
deg|angle|0.017453292519943295|0|°|DEG ° degrees degreesAngular
rad|angle|1|0|rad|RAD radians
lx|illuminance|1|0|lx|LUX lux
fc|illuminance|10.763910416709722|0|fc|FC footcandles
dB|sound-level|1|0|dB|DeciB decibels dBA
pH|acidity|1|0|pH|PH [pH]
count|count|1|0||NUM {count} {#} cycles starts
bool|truth|1|0||BOOLEAN boolean on/off onoff true/false
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
// Capitals may be written small where that means nothing else: a milliwatt is no megawatt, and mPa is no MPa.
const ambiguous = /^m.{0,3}$/i;
for (const [name, unit] of [...byName]) {
  const small = name.toLowerCase();
  if (!byName.has(small) && !ambiguous.test(name)) byName.set(small, unit);
}
