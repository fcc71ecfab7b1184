/** The parts of a rule file that tests of mistakes put theirs into, and what is found in such a file. */
import { buildRuleSet } from '../../src/rules/language/load-rules.ts';

export const head = `rule: bad
version: 1
title: Bad
applies_to: { class: brick:AHU }
`;
export const tail = `severity: warning
category: fault
`;
export const inputs = `inputs:
  sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }
  oat: { class: brick:Outside_Air_Temperature_Sensor, unit: degF }
  fan: { class: brick:Fan_On_Off_Status, unit: bool }
  cc: { class: brick:Valve_Position_Command, unit: percent }
  part: { class: brick:Damper_Position_Command, unit: fraction }
`;

/** The mistakes of a file as `line:column code`, in the order in which they are told. */
export function found(text: string): string[] {
  return buildRuleSet([{ file: 'bad.yaml', text }]).errors.map(({ line, column, code }) => `${line}:${column} ${code}`);
}
