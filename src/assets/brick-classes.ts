/**
 * The part of the Brick ontology (https://brickschema.org, 1.4) that rules refer to, with its superclass links, and our own
 * vocabulary for what Brick lacks (vibration, bearing temperature, electrical phases).
 *
 * A name carries its prefix: `brick:AHU`, `faultline:Vibration_Velocity_Sensor`. Names without one are read as Brick's.
 */

/** True when `candidate` is `wanted` or a subclass of it; a class that the table lacks is only itself. */
export function isSubclassOf(candidate: string, wanted: string): boolean {
  return familyOf(canonicalClass(candidate)).has(canonicalClass(wanted));
}

/** True when the table knows the class. */
export function isKnownClass(name: string): boolean {
  return superclasses.has(canonicalClass(name));
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

function canonicalClass(name: string): string {
  const full = name.includes(':') ? name : `brick:${name}`;
  return aliases.get(full) ?? full;
}

// Each line: a superclass, then its direct subclasses. `=` joins names that Brick declares equivalent or has replaced.
const hierarchy = `
Equipment: HVAC_Equipment Motor Meter Electrical_Equipment Water_Heater faultline:Machine faultline:Rotating_Machine
faultline:Rotating_Machine: Motor Pump Fan Compressor
HVAC_Equipment: Air_Handling_Unit Terminal_Unit Fan Pump Coil Damper Valve Boiler Chiller Cooling_Tower Heat_Exchanger Filter Compressor Variable_Frequency_Drive Heat_Pump Economizer
Air_Handling_Unit: Rooftop_Unit Makeup_Air_Unit Dedicated_Outdoor_Air_System_Unit
Terminal_Unit: Variable_Air_Volume_Box Fan_Coil_Unit Constant_Air_Volume_Box Radiator
Variable_Air_Volume_Box: Variable_Air_Volume_Box_With_Reheat
Fan: Supply_Fan Return_Fan Exhaust_Fan Relief_Fan Cooling_Tower_Fan Outside_Fan
Pump: Water_Pump Glycol_Pump
Water_Pump: Chilled_Water_Pump Hot_Water_Pump Condenser_Water_Pump Domestic_Water_Pump
Coil: Cooling_Coil Heating_Coil
Cooling_Coil: Chilled_Water_Coil Direct_Expansion_Cooling_Coil
Heating_Coil: Hot_Water_Coil Steam_Coil Direct_Expansion_Heating_Coil Electric_Heating_Coil
Damper: Outside_Damper Return_Damper Exhaust_Damper Mixed_Damper Relief_Damper Supply_Damper
Valve: Cooling_Valve Heating_Valve Bypass_Valve Isolation_Valve
Cooling_Valve: Chilled_Water_Valve
Heating_Valve: Hot_Water_Valve
Filter: Pre_Filter Final_Filter Mixed_Air_Filter
Motor: Fan_Motor faultline:Pump_Motor
Chiller: Absorption_Chiller Centrifugal_Chiller
Meter: Electrical_Meter Gas_Meter Water_Meter Thermal_Power_Meter
Point: Sensor Setpoint Command Status Alarm Parameter
Sensor: Temperature_Sensor Pressure_Sensor Flow_Sensor Humidity_Sensor Position_Sensor Speed_Sensor Power_Sensor Energy_Sensor Current_Sensor Voltage_Sensor CO2_Sensor Occupancy_Sensor Frequency_Sensor Torque_Sensor Run_Time_Sensor Imbalance_Sensor faultline:Vibration_Sensor
Temperature_Sensor: Air_Temperature_Sensor Water_Temperature_Sensor faultline:Bearing_Temperature_Sensor faultline:Winding_Temperature_Sensor
Air_Temperature_Sensor: Supply_Air_Temperature_Sensor Mixed_Air_Temperature_Sensor Return_Air_Temperature_Sensor Outside_Air_Temperature_Sensor Zone_Air_Temperature_Sensor Exhaust_Air_Temperature_Sensor Preheat_Discharge_Air_Temperature_Sensor faultline:Entering_Air_Temperature_Sensor faultline:Leaving_Air_Temperature_Sensor
Outside_Air_Temperature_Sensor: Outside_Air_Wet_Bulb_Temperature_Sensor
Water_Temperature_Sensor: Chilled_Water_Temperature_Sensor Hot_Water_Temperature_Sensor Condenser_Water_Temperature_Sensor
Chilled_Water_Temperature_Sensor: Leaving_Chilled_Water_Temperature_Sensor Entering_Chilled_Water_Temperature_Sensor
Hot_Water_Temperature_Sensor: Leaving_Hot_Water_Temperature_Sensor Entering_Hot_Water_Temperature_Sensor
Condenser_Water_Temperature_Sensor: Leaving_Condenser_Water_Temperature_Sensor Entering_Condenser_Water_Temperature_Sensor
Pressure_Sensor: Static_Pressure_Sensor Differential_Pressure_Sensor Water_Pressure_Sensor
Static_Pressure_Sensor: Supply_Air_Static_Pressure_Sensor Building_Static_Pressure_Sensor
Differential_Pressure_Sensor: Filter_Differential_Pressure_Sensor Chilled_Water_Differential_Pressure_Sensor Hot_Water_Differential_Pressure_Sensor
Water_Pressure_Sensor: faultline:Discharge_Pressure_Sensor faultline:Suction_Pressure_Sensor
Flow_Sensor: Air_Flow_Sensor Water_Flow_Sensor
Air_Flow_Sensor: Supply_Air_Flow_Sensor Outside_Air_Flow_Sensor Return_Air_Flow_Sensor
Water_Flow_Sensor: Leaving_Chilled_Water_Flow_Sensor Leaving_Hot_Water_Flow_Sensor
Humidity_Sensor: Relative_Humidity_Sensor
Relative_Humidity_Sensor: Supply_Air_Humidity_Sensor Return_Air_Humidity_Sensor Outside_Air_Humidity_Sensor Zone_Air_Humidity_Sensor
Position_Sensor: Damper_Position_Sensor Valve_Position_Sensor
Speed_Sensor: Motor_Speed_Sensor Fan_Speed_Sensor
Power_Sensor: Electric_Power_Sensor Thermal_Power_Sensor
Energy_Sensor: Electric_Energy_Sensor Thermal_Energy_Sensor
Current_Sensor: Electric_Current_Sensor
Electric_Current_Sensor: Motor_Current_Sensor Load_Current_Sensor
Voltage_Sensor: Electric_Voltage_Sensor
Imbalance_Sensor: Current_Imbalance_Sensor Voltage_Imbalance_Sensor
faultline:Vibration_Sensor: faultline:Vibration_Velocity_Sensor faultline:Vibration_Acceleration_Sensor
Setpoint: Temperature_Setpoint Pressure_Setpoint Flow_Setpoint Humidity_Setpoint Speed_Setpoint
Temperature_Setpoint: Air_Temperature_Setpoint Water_Temperature_Setpoint
Air_Temperature_Setpoint: Supply_Air_Temperature_Setpoint Zone_Air_Temperature_Setpoint Mixed_Air_Temperature_Setpoint
Supply_Air_Temperature_Setpoint: Heating_Supply_Air_Temperature_Setpoint Cooling_Supply_Air_Temperature_Setpoint
Zone_Air_Temperature_Setpoint: Zone_Air_Cooling_Temperature_Setpoint Zone_Air_Heating_Temperature_Setpoint
Water_Temperature_Setpoint: Leaving_Chilled_Water_Temperature_Setpoint Leaving_Hot_Water_Temperature_Setpoint Leaving_Condenser_Water_Temperature_Setpoint
Pressure_Setpoint: Static_Pressure_Setpoint Differential_Pressure_Setpoint
Static_Pressure_Setpoint: Supply_Air_Static_Pressure_Setpoint Building_Static_Pressure_Setpoint
Flow_Setpoint: Air_Flow_Setpoint
Air_Flow_Setpoint: Outside_Air_Flow_Setpoint Supply_Air_Flow_Setpoint
Command: Position_Command Speed_Command On_Off_Command Mode_Command Enable_Command
Position_Command: Damper_Position_Command Valve_Position_Command
Speed_Command: Fan_Speed_Command Motor_Speed_Command
On_Off_Command: Start_Stop_Command Fan_On_Off_Command Pump_On_Off_Command
Enable_Command: Run_Enable_Command System_Enable_Command
Status: On_Off_Status Mode_Status Occupancy_Status Fault_Status Run_Status Enable_Status
On_Off_Status: Fan_On_Off_Status Pump_On_Off_Status Motor_On_Off_Status
Mode_Status: Operating_Mode_Status
Alarm: Filter_Alarm Temperature_Alarm
faultline:Electrical_Phase: faultline:Phase_A faultline:Phase_B faultline:Phase_C faultline:Phase_AB faultline:Phase_BC faultline:Phase_CA
faultline:Bearing: faultline:Drive_End_Bearing faultline:Non_Drive_End_Bearing
= AHU Air_Handling_Unit
= RTU Rooftop_Unit
= MAU Makeup_Air_Unit
= DOAS Dedicated_Outdoor_Air_System_Unit
= FCU Fan_Coil_Unit
= VAV Variable_Air_Volume_Box
= RVAV Variable_Air_Volume_Box_With_Reheat
= CAV Constant_Air_Volume_Box
= VFD Variable_Frequency_Drive
= Chilled_Water_Supply_Temperature_Sensor Leaving_Chilled_Water_Temperature_Sensor
= Chilled_Water_Return_Temperature_Sensor Entering_Chilled_Water_Temperature_Sensor
= Hot_Water_Supply_Temperature_Sensor Leaving_Hot_Water_Temperature_Sensor
= Hot_Water_Return_Temperature_Sensor Entering_Hot_Water_Temperature_Sensor
= Outdoor_Air_Temperature_Sensor Outside_Air_Temperature_Sensor
= Discharge_Air_Temperature_Sensor Supply_Air_Temperature_Sensor
= Discharge_Air_Temperature_Setpoint Supply_Air_Temperature_Setpoint
= Discharge_Air_Flow_Sensor Supply_Air_Flow_Sensor
= Discharge_Air_Flow_Setpoint Supply_Air_Flow_Setpoint
= Discharge_Air_Static_Pressure_Sensor Supply_Air_Static_Pressure_Sensor
= Discharge_Air_Static_Pressure_Setpoint Supply_Air_Static_Pressure_Setpoint
`;

const families = new Map<string, Set<string>>();
const superclasses = new Map<string, string[]>();
const aliases = new Map<string, string>();
for (const line of hierarchy.trim().split('\n')) {
  const [head, ...names] = line
    .split(/:? /)
    .map((name) => (name === '=' || name.includes(':') ? name : `brick:${name}`));
  if (head === '=') {
    aliases.set(names[0] as string, names[1] as string);
    continue;
  }
  const superclass = head as string;
  if (!superclasses.has(superclass)) superclasses.set(superclass, []);
  for (const name of names) superclasses.set(name, [...(superclasses.get(name) ?? []), superclass]);
}
