/**
 * The plant of the benchmarks of rules: air handlers of ten points each, a value a minute, and ten rules in the manner of
 * ASHRAE Guideline 36: 5-minute means, the operating state derived, half an hour's hold-off and half an hour's hold.
 *
 *   day 0 … 4 healthy │ day 5 cooling valve leaks │ 6 sensor reads high │ 7 damper stuck │ 8 … healthy, and so on
 *
 * Everything follows from the number of the asset and of the minute, so that every run sees the same plant.
 */

/** The points, in the order in which `plantValues` writes them. */
export const plantPoints = [
  { name: 'sat', class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit: 'degC' },
  { name: 'sat_sp', class: 'brick:Supply_Air_Temperature_Setpoint', of: null, unit: 'degC' },
  { name: 'mat', class: 'brick:Mixed_Air_Temperature_Sensor', of: null, unit: 'degC' },
  { name: 'oat', class: 'brick:Outside_Air_Temperature_Sensor', of: null, unit: 'degC' },
  { name: 'rat', class: 'brick:Return_Air_Temperature_Sensor', of: null, unit: 'degC' },
  { name: 'cc', class: 'brick:Valve_Position_Command', of: 'brick:Cooling_Coil', unit: 'percent' },
  { name: 'hc', class: 'brick:Valve_Position_Command', of: 'brick:Heating_Coil', unit: 'percent' },
  { name: 'oad', class: 'brick:Damper_Position_Command', of: 'brick:Outside_Damper', unit: 'percent' },
  { name: 'speed', class: 'brick:Fan_Speed_Command', of: 'brick:Supply_Fan', unit: 'percent' },
  { name: 'fan', class: 'brick:Fan_On_Off_Status', of: 'brick:Supply_Fan', unit: 'bool' },
] as const;

export const pointCount = plantPoints.length;

/** Writes the ten values of an asset at a minute (counted from any midnight of local time) to `out` from `start` on. */
export function plantValues(asset: number, minute: number, out: Float64Array, start = 0): void {
  const hour = (minute % 1440) / 60;
  const day = Math.floor(minute / 1440) + asset;
  const season = Math.cos(((day - 200) / 365) * 2 * Math.PI);
  const noise = hash(asset, minute) - 0.5;
  const isOn = hour >= 6 && hour < 19;
  const fault = faultOf(day);
  const oat = round(11 + 11 * season + 5 * Math.sin(((hour - 9) / 12) * Math.PI) + 0.2 * noise);
  const rat = round(22.5 + (isOn ? 0.8 : -1) + 0.2 * noise);
  const sp = oat > 18 ? 13 : 15;
  const wanted = isOn ? Math.max(20, Math.min(100, (100 * (rat - sp)) / Math.max(1, rat - oat))) : 0;
  const oad = oat > rat ? 20 : round(wanted);
  const share = (fault === 'damper' ? 90 : oad) / 100;
  const mat = round(isOn ? share * oat + (1 - share) * rat + 0.3 * noise : rat);
  const cc = isOn && mat > sp ? Math.min(100, round((mat - sp) * 8)) : 0;
  const hc = isOn && mat < sp - 1 ? Math.min(100, round((sp - mat) * 8)) : 0;
  const leak = fault === 'valve' && cc === 0 ? -4 : 0;
  const bias = fault === 'sensor' ? 4 : 0;
  out[start] = round((isOn ? sp + leak : rat) + bias + 0.4 * noise);
  out[start + 1] = sp;
  out[start + 2] = mat;
  out[start + 3] = oat;
  out[start + 4] = rat;
  out[start + 5] = cc;
  out[start + 6] = hc;
  out[start + 7] = oad;
  out[start + 8] = isOn ? round(60 + 20 * Math.sin(hour)) : 0;
  out[start + 9] = isOn ? 1 : 0;
}

function faultOf(day: number): 'none' | 'valve' | 'sensor' | 'damper' {
  switch (day % 20) {
    case 5:
      return 'valve';
    case 6:
      return 'sensor';
    case 7:
      return 'damper';
    default:
      return 'none';
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** A number in [0, 1) that follows from the two (an integer hash after Wang). */
function hash(asset: number, minute: number): number {
  let mixed = Math.imul(asset + 1, 0x9e3779b1) ^ Math.imul(minute + 1, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 12), 0x297a2d39);
  return ((mixed ^ (mixed >>> 15)) >>> 0) / 4_294_967_296;
}

const inputs: Record<string, string> = Object.fromEntries(
  plantPoints.map(({ name, class: className, of, unit }) => [
    name,
    `{ class: ${className}${of === null ? '' : `, of: ${of}`}, unit: ${unit} }`,
  ]),
);

type PlantRule = { id: string; uses: string[]; when: string; clear: string; after: string };

/** Guideline 36's fault conditions that these points allow, by their numbers there. */
const plantRules: PlantRule[] = [
  {
    id: 'fc2',
    uses: ['mat', 'rat', 'oat', 'fan'],
    when: "fan && avg(mat, '5m') + 3.0 < min(avg(rat, '5m') - 1.5, avg(oat, '5m') - 1.5)",
    clear: "!fan || avg(mat, '5m') + 2.0 > min(avg(rat, '5m') - 1.5, avg(oat, '5m') - 1.5)",
    after: 'fan',
  },
  {
    id: 'fc3',
    uses: ['mat', 'rat', 'oat', 'fan'],
    when: "fan && avg(mat, '5m') - 3.0 > max(avg(rat, '5m') + 1.5, avg(oat, '5m') + 1.5)",
    clear: "!fan || avg(mat, '5m') - 2.0 < max(avg(rat, '5m') + 1.5, avg(oat, '5m') + 1.5)",
    after: 'fan',
  },
  {
    id: 'fc5',
    uses: ['sat', 'mat', 'os'],
    when: "os == 1.0 && avg(sat, '5m') + 1.5 <= avg(mat, '5m') - 3.0 + 1.1",
    clear: "os != 1.0 || avg(sat, '5m') > avg(mat, '5m')",
    after: 'os',
  },
  {
    id: 'fc6',
    uses: ['mat', 'rat', 'oat', 'oad', 'os'],
    when: "os in [1.0, 4.0] && abs(rat - oat) >= 5.6 && abs((avg(mat, '5m') - avg(rat, '5m')) / (avg(oat, '5m') - avg(rat, '5m')) - oad / 100.0) > 0.3",
    clear: "abs((avg(mat, '5m') - avg(rat, '5m')) / (avg(oat, '5m') - avg(rat, '5m')) - oad / 100.0) < 0.2",
    after: 'os',
  },
  {
    id: 'fc7',
    uses: ['sat', 'sat_sp', 'hc', 'os'],
    when: "os == 1.0 && hc >= 99.0 && avg(sat, '5m') < avg(sat_sp, '5m') - 1.0",
    clear: "hc < 95.0 || avg(sat, '5m') > avg(sat_sp, '5m') - 0.5",
    after: 'os',
  },
  {
    id: 'fc8',
    uses: ['sat', 'mat', 'os'],
    when: "os == 2.0 && abs(avg(sat, '5m') - 1.1 - avg(mat, '5m')) > 3.4",
    clear: "os != 2.0 || abs(avg(sat, '5m') - 1.1 - avg(mat, '5m')) < 2.0",
    after: 'os',
  },
  {
    id: 'fc9',
    uses: ['oat', 'sat_sp', 'os'],
    when: "os == 2.0 && avg(oat, '5m') - 1.5 > avg(sat_sp, '5m') - 1.1 + 1.1",
    clear: "os != 2.0 || avg(oat, '5m') < avg(sat_sp, '5m')",
    after: 'os',
  },
  {
    id: 'fc10',
    uses: ['mat', 'oat', 'os'],
    when: "os == 3.0 && abs(avg(mat, '5m') - avg(oat, '5m')) > 3.4",
    clear: "os != 3.0 || abs(avg(mat, '5m') - avg(oat, '5m')) < 2.0",
    after: 'os',
  },
  {
    id: 'fc12',
    uses: ['sat', 'mat', 'os'],
    when: "os in [3.0, 4.0] && avg(sat, '5m') - 1.5 - 1.1 > avg(mat, '5m') + 3.0",
    clear: "avg(sat, '5m') < avg(mat, '5m') + 2.0",
    after: 'os',
  },
  {
    id: 'fc13',
    uses: ['sat', 'sat_sp', 'cc', 'speed', 'os'],
    when: "os in [3.0, 4.0] && cc >= 50.0 && speed > 10.0 && avg(sat, '5m') > avg(sat_sp, '5m') + 2.0",
    clear: "cc < 45.0 || avg(sat, '5m') < avg(sat_sp, '5m') + 1.0",
    after: 'os',
  },
];

export const ruleCount = plantRules.length;

/** The files of the rules; some suppress others, so that the order of evaluation counts. */
export function plantRuleTexts(): { file: string; text: string }[] {
  const rules = plantRules.map(({ id, uses, when, clear, after }) => ({
    file: `${id}.yaml`,
    text: `
rule: ${id}
version: 1
title: Guideline 36 ${id.toUpperCase()}
applies_to: { class: brick:AHU }
every: 1m
inputs:
${uses.map((name) => `  ${name}: ${inputs[name] ?? '{ derived: operating_state }'}`).join('\n')}
when: "${when}"
clear: "${clear}"
hold_off: { after_change_of: [${after}], for: 30m }
for: 30m
clear_for: 10m
severity: warning
category: fault
message: "${id} {{ ${uses[0]} | 1 }}"
work_order: { after: 2h }
${id === 'fc13' ? 'suppressed_by: [fc12]' : ''}
`,
  }));
  return [...rules, { file: 'derived/operating-state.yaml', text: operatingState }];
}

const operatingState = `
derived: operating_state
title: Operating state
applies_to: { class: brick:AHU }
inputs:
  hc: ${inputs.hc}
  cc: ${inputs.cc}
  oad: ${inputs.oad}
let:
  heating: hc > 2.0
  cooling: cc > 2.0
  at_minimum: oad <= 22.0
  wide_open: oad >= 98.0
value: >-
  heating && !cooling && at_minimum ? 1.0 :
  !heating && !cooling && !at_minimum && !wide_open ? 2.0 :
  !heating && cooling && wide_open ? 3.0 :
  !heating && cooling && at_minimum ? 4.0 : 5.0
unit: count
`;
