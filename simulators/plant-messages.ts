/**
 * How the plant's readings look on the wire. The air handler's controller publishes one object for all its points; the
 * pump's drive publishes each point alone, statuses bare as simple drives do, so that they take their time of arrival.
 */
import type { AirHandlerReadings } from './plant/air-handler.ts';
import { outdoorAirMin } from './plant/air-handler-control.ts';
import type { PumpReadings } from './plant/pump.ts';

/** A message below `telemetry/{site}/`, and how many readings it carries. */
export type Message = { topic: string; payload: string; readings: number };

/** `{asset}` with `{"time": …, "values": {…}}`. */
export function airHandlerMessage(asset: string, readings: AirHandlerReadings, at: Date): Message {
  const payload = JSON.stringify({ time: at.toISOString(), values: readings });
  return { topic: asset, payload, readings: Object.keys(readings).length };
}

/** `{asset}/{point}` with `{"value": …, "time": …}`, or a bare boolean unless it is sent late. */
export function pumpMessages(asset: string, readings: PumpReadings, sent: { at: Date; late: boolean }): Message[] {
  const time = sent.at.toISOString();
  return Object.entries(readings).map(([point, value]) => {
    const bare = typeof value === 'boolean' && !sent.late;
    return { topic: `${asset}/${point}`, payload: JSON.stringify(bare ? value : { value, time }), readings: 1 };
  });
}

type Description = {
  class: string;
  params: Record<string, number>;
  points: Record<string, { class: string; of?: string; unit: string }>;
};

/** What an air handler and its points are, in Brick classes and units. */
export function describeAirHandler(): Description {
  const points: Record<keyof AirHandlerReadings, { class: string; of?: string; unit: string }> = {
    sat: { class: 'brick:Supply_Air_Temperature_Sensor', unit: 'degC' },
    sat_sp: { class: 'brick:Supply_Air_Temperature_Setpoint', unit: 'degC' },
    oat: { class: 'brick:Outside_Air_Temperature_Sensor', unit: 'degC' },
    mat: { class: 'brick:Mixed_Air_Temperature_Sensor', unit: 'degC' },
    rat: { class: 'brick:Return_Air_Temperature_Sensor', unit: 'degC' },
    fan_status: { class: 'brick:Fan_On_Off_Status', of: 'brick:Supply_Fan', unit: 'bool' },
    fan_speed: { class: 'brick:Fan_Speed_Command', of: 'brick:Supply_Fan', unit: 'percent' },
    oa_damper: { class: 'brick:Damper_Position_Command', of: 'brick:Outside_Damper', unit: 'percent' },
    cooling_valve: { class: 'brick:Valve_Position_Command', of: 'brick:Cooling_Coil', unit: 'percent' },
    heating_valve: { class: 'brick:Valve_Position_Command', of: 'brick:Heating_Coil', unit: 'percent' },
    duct_static: { class: 'brick:Supply_Air_Static_Pressure_Sensor', unit: 'Pa' },
    duct_static_sp: { class: 'brick:Supply_Air_Static_Pressure_Setpoint', unit: 'Pa' },
    filter_dp: { class: 'brick:Filter_Differential_Pressure_Sensor', unit: 'Pa' },
    occupied: { class: 'brick:Occupancy_Status', unit: 'bool' },
    zone_temp: { class: 'brick:Zone_Air_Temperature_Sensor', unit: 'degC' },
  };
  return { class: 'brick:AHU', params: { min_oa: outdoorAirMin }, points };
}

/** What a pump and its points are; what Brick has no class for has one of Faultline's vocabulary. */
export function describePump(): Description {
  const points: Record<keyof PumpReadings, { class: string; of?: string; unit: string }> = {
    vibration: { class: 'faultline:Vibration_Velocity_Sensor', unit: 'mm/s' },
    bearing_temp: { class: 'faultline:Bearing_Temperature_Sensor', unit: 'degC' },
    current_a: { class: 'brick:Electric_Current_Sensor', of: 'faultline:Phase_A', unit: 'A' },
    current_b: { class: 'brick:Electric_Current_Sensor', of: 'faultline:Phase_B', unit: 'A' },
    current_c: { class: 'brick:Electric_Current_Sensor', of: 'faultline:Phase_C', unit: 'A' },
    speed: { class: 'brick:Speed_Sensor', unit: 'rpm' },
    power: { class: 'brick:Electric_Power_Sensor', unit: 'kW' },
    run_status: { class: 'brick:On_Off_Status', unit: 'bool' },
    run_command: { class: 'brick:On_Off_Command', unit: 'bool' },
    discharge_pressure: { class: 'faultline:Discharge_Pressure_Sensor', unit: 'kPa' },
  };
  return { class: 'brick:Pump', params: {}, points };
}
