/**
 * What names tell: the Brick class, part and unit that a discovered point or asset gets when its name is one that plants
 * commonly use. A name that is not listed tells nothing, and a person or the device itself says more later.
 */

export type PointNaming = {
  readonly class: string | null;
  /** The part of the asset that it belongs to, where the class alone does not tell. */
  readonly partOf: string | null;
  readonly unit: string | null;
};

const unnamed: PointNaming = { class: null, partOf: null, unit: null };

// name | class | part of the asset | unit
const pointTable = `
sat                | brick:Supply_Air_Temperature_Sensor       |                      | degC
sat_sp             | brick:Supply_Air_Temperature_Setpoint     |                      | degC
oat                | brick:Outside_Air_Temperature_Sensor      |                      | degC
mat                | brick:Mixed_Air_Temperature_Sensor        |                      | degC
rat                | brick:Return_Air_Temperature_Sensor       |                      | degC
zone_temp          | brick:Zone_Air_Temperature_Sensor         |                      | degC
fan_status         | brick:Fan_On_Off_Status                   | brick:Supply_Fan     | bool
fan_speed          | brick:Fan_Speed_Command                   | brick:Supply_Fan     | percent
oa_damper          | brick:Damper_Position_Command             | brick:Outside_Damper | percent
cooling_valve      | brick:Valve_Position_Command              | brick:Cooling_Coil   | percent
heating_valve      | brick:Valve_Position_Command              | brick:Heating_Coil   | percent
duct_static        | brick:Supply_Air_Static_Pressure_Sensor   |                      | Pa
duct_static_sp     | brick:Supply_Air_Static_Pressure_Setpoint |                      | Pa
filter_dp          | brick:Filter_Differential_Pressure_Sensor |                      | Pa
occupied           | brick:Occupancy_Status                    |                      | bool
vibration          | faultline:Vibration_Velocity_Sensor       |                      | mm/s
bearing_temp       | faultline:Bearing_Temperature_Sensor      |                      | degC
current_a          | brick:Electric_Current_Sensor             | faultline:Phase_A    | A
current_b          | brick:Electric_Current_Sensor             | faultline:Phase_B    | A
current_c          | brick:Electric_Current_Sensor             | faultline:Phase_C    | A
speed              | brick:Speed_Sensor                        |                      | rpm
power              | brick:Electric_Power_Sensor               |                      | kW
run_status         | brick:On_Off_Status                       |                      | bool
run_command        | brick:On_Off_Command                      |                      | bool
discharge_pressure | faultline:Discharge_Pressure_Sensor       |                      | kPa
`;

// The word before the first hyphen or digit | class
const assetTable = `
ahu     | brick:AHU
rtu     | brick:RTU
fcu     | brick:Fan_Coil_Unit
pump    | brick:Pump
vav     | brick:VAV
chiller | brick:Chiller
boiler  | brick:Boiler
fan     | brick:Fan
motor   | brick:Motor
`;

const points = new Map(
  rowsOf(pointTable).map(([name = '', pointClass, partOf, unit]) => [
    name,
    { class: pointClass || null, partOf: partOf || null, unit: unit || null },
  ]),
);
const assets = new Map(rowsOf(assetTable).map(([word = '', assetClass = '']) => [word, assetClass]));

/** What a point's name tells; all null when it tells nothing. Upper and lower case are the same. */
export function namePoint(name: string): PointNaming {
  return points.get(name.toLowerCase()) ?? unnamed;
}

/** The class that an asset's name tells (`ahu-1` is a brick:AHU), or null. */
export function nameAsset(name: string): string | null {
  const word = /^([a-z]+)(?=[-_]|\d|$)/.exec(name.toLowerCase())?.[1] ?? '';
  return assets.get(word) ?? null;
}

function rowsOf(table: string): string[][] {
  return table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
}
