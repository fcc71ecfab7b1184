import { isSubclassOf } from '../brick-classes.ts';

/** The class of a point in the light of the part or unit that it is at: the Position_Sensor of a damper is a Damper_Position_Sensor. */
export function narrowClass(name: string | null, at: string | null): string | null {
  if (name === null || at === null) return name;
  const fitting = nouns.filter((noun) => isSubclassOf(at, `brick:${noun}`));
  return fitting.map((noun) => narrower.get(`${noun} ${name}`)).find((found) => found !== undefined) ?? name;
}

/** All classes that narrowing gives, with their prefixes. */
export function listNarrowed(): string[] {
  return [...narrower.values()];
}

// The part or unit | general classes | what they are there.
const narrower = new Map<string, string>(
  `Fan|Status Fan_Status On_Off_Status Start_Stop_Status Run_Status|Fan_On_Off_Status
  Fan|Speed_Command Speed_Setpoint|Fan_Speed_Command
  Fan|On_Off_Command Start_Stop_Command|Fan_On_Off_Command
  Pump|On_Off_Status Start_Stop_Status Run_Status|Pump_On_Off_Status
  Pump|On_Off_Command Start_Stop_Command|Pump_On_Off_Command
  Motor|On_Off_Status|Motor_On_Off_Status
  Motor|Speed_Command|Motor_Speed_Command
  Valve|Valve_Command Position_Command|Valve_Position_Command
  Valve|Position_Sensor|Valve_Position_Sensor
  Damper|Damper_Command Position_Command|Damper_Position_Command
  Damper|Position_Sensor|Damper_Position_Sensor
  HVAC_Zone|Temperature_Sensor Air_Temperature_Sensor|Zone_Air_Temperature_Sensor
  HVAC_Zone|Temperature_Setpoint Air_Temperature_Setpoint|Zone_Air_Temperature_Setpoint
  HVAC_Zone|Humidity_Sensor Relative_Humidity_Sensor|Zone_Air_Humidity_Sensor
  HVAC_Zone|Cooling_Temperature_Setpoint|Cooling_Zone_Air_Temperature_Setpoint
  HVAC_Zone|Heating_Temperature_Setpoint|Heating_Zone_Air_Temperature_Setpoint
  Terminal_Unit|Cooling_Temperature_Setpoint|Cooling_Zone_Air_Temperature_Setpoint
  Terminal_Unit|Heating_Temperature_Setpoint|Heating_Zone_Air_Temperature_Setpoint
  Variable_Air_Volume_Box|Air_Flow_Sensor|Supply_Air_Flow_Sensor
  Variable_Air_Volume_Box|Air_Flow_Setpoint|Supply_Air_Flow_Setpoint
  Air_Handling_Unit|Static_Pressure_Sensor|Supply_Air_Static_Pressure_Sensor
  Air_Handling_Unit|Static_Pressure_Setpoint Duct_Air_Static_Pressure_Setpoint|Supply_Air_Static_Pressure_Setpoint
  Chiller|Leaving_Water_Temperature_Sensor|Leaving_Chilled_Water_Temperature_Sensor
  Chiller|Entering_Water_Temperature_Sensor|Entering_Chilled_Water_Temperature_Sensor
  Chiller|Leaving_Water_Temperature_Setpoint|Leaving_Chilled_Water_Temperature_Setpoint
  Boiler|Leaving_Water_Temperature_Sensor|Leaving_Hot_Water_Temperature_Sensor
  Boiler|Entering_Water_Temperature_Sensor|Entering_Hot_Water_Temperature_Sensor
  Boiler|Leaving_Water_Temperature_Setpoint|Leaving_Hot_Water_Temperature_Setpoint
  Cooling_Tower|Leaving_Water_Temperature_Sensor|Leaving_Condenser_Water_Temperature_Sensor
  Cooling_Tower|Entering_Water_Temperature_Sensor|Entering_Condenser_Water_Temperature_Sensor`
    .split('\n')
    .map((line) => line.trim().split('|') as [string, string, string])
    .flatMap(([noun, names, narrow]) =>
      names.split(' ').map((name) => [`${noun} brick:${name}`, `brick:${narrow}`] as const),
    ),
);
const nouns = [...new Set([...narrower.keys()].map((key) => key.slice(0, key.indexOf(' '))))];
