/** Tags of Project Haystack (https://project-haystack.org/doc/appendix/tag) and the classes of Brick that they stand for. */

/** The tags of a point | its class. `Bool` and `Number` stand for the kind of its values. */
export const pointTable = `
temp sensor discharge air|Supply_Air_Temperature_Sensor
temp sensor return air|Return_Air_Temperature_Sensor
temp sensor mixed air|Mixed_Air_Temperature_Sensor
temp sensor outside|Outside_Air_Temperature_Sensor
temp sensor outside air wetBulb|Outside_Air_Wet_Bulb_Temperature_Sensor
temp sensor exhaust air|Exhaust_Air_Temperature_Sensor
temp sensor zone|Zone_Air_Temperature_Sensor
temp sensor chilled water leaving|Leaving_Chilled_Water_Temperature_Sensor
temp sensor chilled water entering|Entering_Chilled_Water_Temperature_Sensor
temp sensor hot water leaving|Leaving_Hot_Water_Temperature_Sensor
temp sensor hot water entering|Entering_Hot_Water_Temperature_Sensor
temp sensor condenser water leaving|Leaving_Condenser_Water_Temperature_Sensor
temp sensor condenser water entering|Entering_Condenser_Water_Temperature_Sensor
temp sp discharge air|Supply_Air_Temperature_Setpoint
temp sp discharge air cooling|Supply_Air_Temperature_Cooling_Setpoint
temp sp discharge air heating|Supply_Air_Temperature_Heating_Setpoint
temp sp mixed air|Mixed_Air_Temperature_Setpoint
temp sp zone|Zone_Air_Temperature_Setpoint
temp sp zone effective|Zone_Air_Temperature_Setpoint
temp sp zone cooling|Cooling_Zone_Air_Temperature_Setpoint
temp sp zone heating|Heating_Zone_Air_Temperature_Setpoint
temp sp zone cooling occ|Occupied_Cooling_Zone_Air_Temperature_Setpoint
temp sp zone heating occ|Occupied_Heating_Zone_Air_Temperature_Setpoint
temp sp zone cooling unocc|Unoccupied_Cooling_Zone_Air_Temperature_Setpoint
temp sp zone heating unocc|Unoccupied_Heating_Zone_Air_Temperature_Setpoint
temp sp chilled water leaving|Leaving_Chilled_Water_Temperature_Setpoint
temp sp hot water leaving|Leaving_Hot_Water_Temperature_Setpoint
temp sp condenser water leaving|Leaving_Condenser_Water_Temperature_Setpoint
humidity sensor discharge air|Supply_Air_Humidity_Sensor
humidity sensor return air|Return_Air_Humidity_Sensor
humidity sensor outside|Outside_Air_Humidity_Sensor
humidity sensor zone|Zone_Air_Humidity_Sensor
humidity sp zone|Zone_Air_Humidity_Setpoint
co2 sensor zone|Zone_CO2_Level_Sensor
co2 sensor return air|Return_Air_CO2_Sensor
co2 sensor|CO2_Sensor
pressure sensor discharge air|Supply_Air_Static_Pressure_Sensor
pressure sensor duct|Supply_Air_Static_Pressure_Sensor
pressure sp discharge air|Supply_Air_Static_Pressure_Setpoint
pressure sp duct|Supply_Air_Static_Pressure_Setpoint
pressure sensor building|Building_Air_Static_Pressure_Sensor
pressure sensor delta filter|Filter_Differential_Pressure_Sensor
pressure sensor filter|Filter_Differential_Pressure_Sensor
pressure sensor delta chilled water|Chilled_Water_Differential_Pressure_Sensor
pressure sensor delta hot water|Hot_Water_Differential_Pressure_Sensor
flow sensor discharge air|Supply_Air_Flow_Sensor
flow sp discharge air|Supply_Air_Flow_Setpoint
flow sensor outside air|Outside_Air_Flow_Sensor
flow sp outside air|Outside_Air_Flow_Setpoint
flow sensor return air|Return_Air_Flow_Sensor
flow sensor chilled water|Leaving_Chilled_Water_Flow_Sensor
flow sensor hot water|Leaving_Hot_Water_Flow_Sensor
damper cmd|Damper_Position_Command
damper sensor|Damper_Position_Sensor
valve cmd|Valve_Position_Command
valve sensor|Valve_Position_Sensor
cooling cmd|Cooling_Command
heating cmd|Heating_Command
cooling cmd Number|Valve_Position_Command
heating cmd Number|Valve_Position_Command
reheat cmd Number|Valve_Position_Command
fan cmd Bool|Fan_On_Off_Command
fan sensor Bool|Fan_On_Off_Status
fan run cmd|Fan_On_Off_Command
fan run sensor|Fan_On_Off_Status
fan cmd Number|Fan_Speed_Command
fan speed cmd|Fan_Speed_Command
fan speed sensor|Fan_Speed_Sensor
fan sensor Number|Fan_Speed_Sensor
pump cmd Bool|Pump_On_Off_Command
pump sensor Bool|Pump_On_Off_Status
run cmd|On_Off_Command
run sensor|On_Off_Status
run enable cmd|Run_Enable_Command
enable cmd|Enable_Command
speed cmd|Speed_Command
speed sensor|Speed_Sensor
freq sensor|Frequency_Sensor
occupied sp|Occupancy_Status
occupied cmd|Occupancy_Status
occupied sensor|Occupancy_Status
occ sensor|Occupancy_Status
occ cmd|Occupancy_Command
occ sp|Occupancy_Status
occupancyIndicator sensor|Occupancy_Sensor
power sensor|Electric_Power_Sensor
power sensor thermal|Thermal_Power_Sensor
power sensor reactive|Reactive_Power_Sensor
energy sensor|Electric_Energy_Sensor
energy sensor thermal|Thermal_Energy_Usage_Sensor
current sensor|Current_Sensor
volt sensor|Voltage_Sensor
pf sensor|Power_Factor_Sensor
lights cmd|On_Off_Command
light cmd Bool|On_Off_Command
alarm sensor|Alarm
`;

/** The tags of a piece of equipment | its class. */
export const equipmentTable = `
ahu|AHU
ahu rooftop|RTU
rtu|RTU
ahu mau|MAU
mau|MAU
doas|DOAS
ahu doas|DOAS
vav|VAV
vav reheat|RVAV
cav|CAV
fcu|Fan_Coil_Unit
fanCoil|Fan_Coil_Unit
unitVent|Terminal_Unit
crac|CRAC
heatPump|Heat_Pump
chiller|Chiller
boiler|Boiler
coolingTower|Cooling_Tower
heatExchanger|Heat_Exchanger
pump|Pump
pump water|Water_Pump
pump chilled water|Chilled_Water_Pump
pump hot water|Hot_Water_Pump
pump condenser water|Condenser_Water_Pump
fan|Fan
fan discharge|Supply_Fan
fan return|Return_Fan
fan exhaust|Exhaust_Fan
fan relief|Relief_Fan
motor|Motor
compressor|Compressor
vfd|Variable_Frequency_Drive
coil|Coil
coil cooling|Cooling_Coil
coil heating|Heating_Coil
valve|Valve
valve cooling|Cooling_Valve
valve heating|Heating_Valve
damper|Damper
damper outside|Outside_Damper
damper return|Return_Damper
damper exhaust|Exhaust_Damper
filter|Filter
economizer|Economizer
humidifier|Humidifier
radiator|Radiator
radiantEquip|Radiator
thermostat|Thermostat
meter|Meter
meter elec|Electrical_Meter
elecMeter|Electrical_Meter
meter gas|Gas_Meter
meter naturalGas|Gas_Meter
meter water|Water_Meter
meter domestic water|Water_Meter
meter btu|Thermal_Power_Meter
meter flow|Meter
meter steam|Meter
hotWaterPlant|Hot_Water_System
hotWater plant|Hot_Water_System
chilledWaterPlant|Chilled_Water_System
chilledWater plant|Chilled_Water_System
steamPlant|Steam_System
elecPanel|Electrical_Equipment
panel elec|Electrical_Equipment
tank|Tank
ups|Electrical_Equipment
luminaire|Luminaire
lightsGroup|Lighting_System
lights|Lighting_System
lighting|Lighting_System
weatherStation|Weather_Station
elevator|Elevator
`;

/** The tags of a space | its class. */
export const spaceTable = `
floor|Floor
room|Room
zone|HVAC_Zone
hvacZone|HVAC_Zone
hvac zone|HVAC_Zone
wing|Wing
building|Building
`;
