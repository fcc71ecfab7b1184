/**
 * The classes of the Brick ontology (https://brickschema.org, 1.4) with their superclasses, other names and replaced names,
 * and our own vocabulary for what Brick lacks (vibration, bearing temperature, electrical phases).
 *
 * A name carries its prefix: `brick:AHU`, `faultline:Vibration_Velocity_Sensor`. Names without one are read as Brick's.
 * Brick's facts lie in brick-hierarchy.txt; what is written here is ours, in the same notation.
 */
import { readFileSync } from 'node:fs';

/** True when `candidate` is `wanted` or a subclass of it; a class that the table lacks is only itself. */
export function isSubclassOf(candidate: string, wanted: string): boolean {
  return familyOf(canonicalClass(candidate)).has(canonicalClass(wanted));
}

/** True when the table knows the class. */
export function isKnownClass(name: string): boolean {
  return superclasses.has(canonicalClass(name));
}

/** The one name of a class that has several (Brick's equivalents and replaced names), with its prefix: two names of one class give the same. */
export function canonicalClass(name: string): string {
  const full = name.includes(':') ? name : `brick:${name}`;
  return aliases.get(full) ?? full;
}

/** What replaces a name that Brick has deprecated, with its prefix; undefined for a name that is not deprecated. */
export function findReplacement(name: string): string | undefined {
  return replacements.get(name.includes(':') ? name : `brick:${name}`);
}

/** How far a class is from the root of the tree, by its longest way; 0 for a root and for a class that nobody knows. */
export function depthOf(name: string): number {
  const canonical = canonicalClass(name);
  const known = depths.get(canonical);
  if (known !== undefined) return known;
  depths.set(canonical, 0);
  const above = superclasses.get(canonical) ?? [];
  const depth = above.length === 0 ? 0 : 1 + Math.max(...above.map(depthOf));
  if (above.length === 0 && !superclasses.has(canonical)) depths.delete(canonical);
  else depths.set(canonical, depth);
  return depth;
}

/** All known class names with their prefixes, for suggestions. */
export function listClasses(): string[] {
  return [...superclasses.keys(), ...aliases.keys()];
}

/** A class with all its superclasses. */
function familyOf(name: string): Set<string> {
  const known = families.get(name);
  if (known) return known;
  const family = new Set([name]);
  for (const member of family) for (const superclass of superclasses.get(member) ?? []) family.add(superclass);
  // What assets and points call themselves has no bound, so the cache has one.
  if (families.size < 5_000) families.set(name, family);
  return family;
}

const ours = `
Equipment: faultline:Machine faultline:Rotating_Machine faultline:Electrical_Phase faultline:Bearing
faultline:Rotating_Machine: Motor Pump Fan Compressor
HVAC_Equipment: Heat_Pump
Heat_Pump: Packaged_Heat_Pump
Fan: Outside_Fan Relief_Fan
Pump: Glycol_Pump
Water_Pump: Domestic_Water_Pump
Heating_Coil: Steam_Coil Electric_Heating_Coil Preheat_Coil Reheat_Coil
Heating_Valve: Preheat_Valve
Damper: Supply_Damper Mixed_Damper
Outside_Damper: Economizer_Damper
Cooling_Valve: Chilled_Water_Valve
Motor: Fan_Motor faultline:Pump_Motor
Sensor: faultline:Vibration_Sensor
Temperature_Sensor: faultline:Bearing_Temperature_Sensor faultline:Winding_Temperature_Sensor
Air_Temperature_Sensor: faultline:Entering_Air_Temperature_Sensor faultline:Leaving_Air_Temperature_Sensor
Water_Temperature_Sensor: Hot_Water_Temperature_Sensor
Hot_Water_Temperature_Sensor: Leaving_Hot_Water_Temperature_Sensor Entering_Hot_Water_Temperature_Sensor
Water_Pressure_Sensor: faultline:Discharge_Pressure_Sensor faultline:Suction_Pressure_Sensor
Speed_Sensor: Fan_Speed_Sensor
faultline:Vibration_Sensor: faultline:Vibration_Velocity_Sensor faultline:Vibration_Acceleration_Sensor
Zone_Air_Temperature_Setpoint: Cooling_Zone_Air_Temperature_Setpoint Heating_Zone_Air_Temperature_Setpoint
Zone_Air_Temperature_Sensor: Room_Air_Temperature_Sensor
Zone_Air_Temperature_Setpoint: Room_Air_Temperature_Setpoint
Pressure_Setpoint: Differential_Pressure_Setpoint
Duct_Air_Static_Pressure_Setpoint: Supply_Air_Static_Pressure_Setpoint
Speed_Command: Fan_Speed_Command Motor_Speed_Command
On_Off_Command: Fan_On_Off_Command Pump_On_Off_Command
Alarm: Filter_Alarm
faultline:Electrical_Phase: faultline:Phase_A faultline:Phase_B faultline:Phase_C faultline:Phase_AB faultline:Phase_BC faultline:Phase_CA
faultline:Bearing: faultline:Drive_End_Bearing faultline:Non_Drive_End_Bearing
Equipment: faultline:Tank faultline:Machine_Part faultline:Redundant_Part
faultline:Machine: faultline:Machine_Tool
faultline:Machine_Tool: faultline:Lathe faultline:Milling_Machine
faultline:Machine_Part: faultline:Spindle
faultline:Redundant_Part: faultline:Reference_Sensor
faultline:Tank: faultline:Coolant_Tank faultline:Lifting_Tank
Pump: faultline:Coolant_Pump
faultline:Coolant_Pump: faultline:Low_Pressure_Coolant_Pump faultline:High_Pressure_Coolant_Pump
Filter: faultline:Coolant_Filter
faultline:Coolant_Filter: faultline:Fine_Coolant_Filter faultline:Fleece_Coolant_Filter
Temperature_Sensor: faultline:Process_Temperature_Sensor
Sensor: faultline:Tool_Wear_Sensor
Status: faultline:Healthy_Status faultline:Below_Minimum_Level_Status faultline:Product_Grade_Status
= Electric_Current_Sensor Current_Sensor
= Electric_Voltage_Sensor Voltage_Sensor
= Thermal_Energy_Sensor Thermal_Energy_Usage_Sensor
= Cooling_Supply_Air_Temperature_Setpoint Supply_Air_Temperature_Cooling_Setpoint
= Heating_Supply_Air_Temperature_Setpoint Supply_Air_Temperature_Heating_Setpoint
= Building_Static_Pressure_Sensor Building_Air_Static_Pressure_Sensor
= Building_Static_Pressure_Setpoint Building_Air_Static_Pressure_Setpoint
= Outdoor_Air_Temperature_Sensor Outside_Air_Temperature_Sensor
`;

const families = new Map<string, Set<string>>();
const depths = new Map<string, number>();
const superclasses = new Map<string, string[]>();
const aliases = new Map<string, string>();
const replacements = new Map<string, string>();

const facts = readFileSync(new URL('./brick-hierarchy.txt', import.meta.url), 'utf8');
const lines = `${facts}\n${ours}`.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const names = lines.map((line) => line.split(/:? /).map((name) => (/^[=>]$|:/.test(name) ? name : `brick:${name}`)));
for (const [sign, name = '', wanted = ''] of names) {
  if (sign === '=' || sign === '>') aliases.set(name, wanted);
  if (sign === '>') replacements.set(name, wanted);
}
// An alias may lead to a name that has itself been replaced; Brick's chains are short.
for (const [name, wanted] of aliases) aliases.set(name, aliases.get(wanted) ?? wanted);
for (const [name, wanted] of replacements) replacements.set(name, aliases.get(wanted) ?? wanted);
for (const [head = '', ...members] of names.filter(([sign]) => sign !== '=' && sign !== '>')) {
  const superclass = canonicalClass(head);
  if (!superclasses.has(superclass)) superclasses.set(superclass, []);
  for (const member of members.map(canonicalClass)) {
    const above = superclasses.get(member) ?? [];
    if (member !== superclass && !above.includes(superclass)) superclasses.set(member, [...above, superclass]);
  }
}
