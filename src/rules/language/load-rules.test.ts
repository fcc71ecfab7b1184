import { describe, expect, test } from 'vitest';
import { buildRuleSet } from './load-rules.ts';
import { formatRuleError } from './rule-error.ts';

describe('mistakes in a rule file', () => {
  test('are all reported, each with its line, its column and what was meant', () => {
    const text = rule({
      inputs:
        'sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degCC }\n  sat_sp: { class: brick:Supply_Air_Temperature_Setpoint, unit: degC, stal_after: 1h }',
      when: '>-\n  avg(sat, "5m") > satsp + 1 &&\n  sat > 0',
      more: 'for: 90s\nclear: sat and sat_sp\nsuppressed_by: [nobody]\nhold_off: { after_change_of: [os], for: 5m }\nseverity: warnin',
    });
    const found = buildRuleSet([{ file: 'bad.yaml', text }]).errors.map(
      ({ line, column, code, help }) => `${line}:${column} ${code}${help ? ` (${help})` : ''}`,
    );
    expect(found).toEqual([
      "6:60 unknown_unit (did you mean 'degC'?)",
      "7:71 unknown_key (did you mean 'stale_after'?)",
      "9:20 unknown_variable (did you mean 'sat_sp'?)",
      '11:6 not_a_multiple',
      "12:12 unexpected_character (CEL writes 'and' as '&&')",
      '13:17 unknown_rule',
      '14:31 unknown_variable',
      "15:11 invalid_value (did you mean 'warning'?)",
    ]);
  });

  test('are shown with the line, carets and a suggestion', () => {
    const text = rule({ when: '>-\n  avg(sat, "5m") > shar' });
    const [error] = buildRuleSet([{ file: 'rules/bad.yaml', text }]).errors;
    expect(error && formatRuleError(error)).toBe(
      [
        'rules/bad.yaml:8:20: error: when: Unknown variable: shar [unknown_variable]',
        '    8 |   avg(sat, "5m") > shar',
        '      |                    ^^^^',
        "      = help: did you mean 'share'?",
      ].join('\n'),
    );
  });

  test.each([
    ['sat and fan', 5, 'unexpected_character', "CEL writes 'and' as '&&'"],
    ['sat > 1 or fan', 9, 'unexpected_character', "CEL writes 'or' as '||'"],
    ['sat = 1', 5, 'unexpected_character', "CEL compares with '=='"],
    ['sat <> 1', 5, 'unexpected_token', "CEL writes '<>' as '!='"],
    ['1/2 > sat', 1, 'integer_division', 'write a decimal point, as in 1.0/2.0'],
    ['avgg(sat, "5m") > 1', 1, 'unknown_function', "did you mean 'avg'?"],
    ['avg(sat, 5m) > 1', 11, 'expected_token', "a duration is quoted: '5m'"],
    ['avg(sat, "5x") > 1', 10, 'invalid_duration', undefined],
    ['avg(sat, "40d") > 1', 10, 'limit_exceeded', undefined],
    ['avg(sat, "90s") > 1', 10, 'not_a_multiple', undefined],
    ['avg(avg(sat, "5m"), "5m") > 1', 5, 'nested_window', undefined],
    ['avg(fan, "5m") > 1', 1, 'no_matching_overload', "avg(x, '5m'): the mean of the ticks"],
    ['sat', 1, 'not_a_condition', undefined],
    ['sat + sat > 1', 1, 'unit_mismatch', undefined],
    ['sat > oat', 1, 'unit_mismatch', undefined],
    ['sat > share', 1, 'unit_mismatch', undefined],
    ['share > part', 1, 'unit_mismatch', undefined],
    ['sat - sat > sat', 1, 'unit_mismatch', undefined],
    ['[1.0, 2.0].exists(x, x > 1.0)', 1, 'not_in_the_language', undefined],
    ['sat in [1.0, sat]', 14, 'not_in_the_language', undefined],
    ['fan > 1', 1, 'no_such_overload', undefined],
    ['"a" == "b"', 1, 'not_in_the_language', undefined],
    ['sat % 2 == 1', 1, 'no_such_overload', 'rules have no remainder'],
  ])('%s: at its column %i, %s', (condition, column, code, help) => {
    const [error] = buildRuleSet([{ file: 'bad.yaml', text: rule({ when: `>-\n    ${condition}` }) }]).errors;
    const indent = code === 'not_a_condition' ? 6 : 4;
    expect([error?.code, error?.help, error?.column]).toEqual([code, help, indent + column]);
  });

  test.each([
    ['sat - sat > 1.0', 'a difference of temperatures'],
    ['sat + rise > 20', 'a temperature and a difference'],
    ['avg(sat, "5m") - sat > rise', 'differences compared'],
    ['100.0 * part > share', 'a product has no unit of its own'],
    ['max(sat, 3) > 1 && sat in [1, 2.5]', 'whole and decimal numbers together'],
    ['!fan && -sat < 0', 'negations'],
  ])('%s is sound: %s', (condition) => {
    expect(buildRuleSet([{ file: 'good.yaml', text: rule({ when: JSON.stringify(condition) }) }]).errors).toEqual([]);
  });

  test('a tag is told apart from an expression', () => {
    const [error, ...others] = buildRuleSet([{ file: 'bad.yaml', text: rule({ when: '!fan && sat > 1' }) }]).errors;
    expect([error?.code, error?.column, others]).toEqual(['yaml_tag', 7, []]);
  });

  test('a rule that grows beyond its limits is refused', () => {
    const lets = [
      '  a0: sat + 1.0',
      ...Array.from({ length: 9 }, (_, index) => `  a${index + 1}: a${index} + a${index} * 2.0`),
    ];
    const found = buildRuleSet([{ file: 'bad.yaml', text: rule({ more: `let:\n${lets.join('\n')}` }) }]).errors;
    expect(found.map(({ code }) => code)).toEqual(['limit_exceeded']);
  });
});

describe('a set of rules', () => {
  const text = (id: string, more = '') => ({ file: `${id}.yaml`, text: rule({ id, more }) });

  test('runs suppressors before what they suppress', () => {
    const { rules } = buildRuleSet([text('a', 'suppressed_by: [b]'), text('b', 'suppressed_by: [c]'), text('c')]);
    expect(rules.rules.map(({ id }) => id)).toEqual(['c', 'b', 'a']);
  });

  test('refuses rules that suppress each other in a circle, and keeps the others', () => {
    const { rules, errors } = buildRuleSet([
      text('a', 'suppressed_by: [b]'),
      text('b', 'suppressed_by: [a]'),
      text('c'),
    ]);
    expect(errors.map(({ code, message }) => `${code} ${message}`)).toEqual([
      'suppression_cycle rules suppress each other in a circle: a -> b -> a',
    ]);
    expect(rules.rules.map(({ id }) => id)).toContain('c');
  });

  test('refuses an unknown suppressor and a second rule of one name', () => {
    const { errors } = buildRuleSet([
      text('abc', 'suppressed_by: [abd]'),
      text('abe'),
      { file: 'z.yaml', text: rule({ id: 'abe' }) },
    ]);
    expect(errors.map(({ file, code, help }) => `${file} ${code} ${help}`)).toEqual([
      "abc.yaml unknown_rule did you mean 'abc'?",
      'z.yaml duplicate_rule undefined',
    ]);
  });

  test('lets a suppressor be switched off', () => {
    const { rules, errors } = buildRuleSet([text('a', 'suppressed_by: [b]'), text('b', 'enabled: false')]);
    expect([rules.rules.map(({ id, enabled }) => [id, enabled]), errors]).toEqual([
      [
        ['b', false],
        ['a', true],
      ],
      [],
    ]);
  });

  test('keeps the last good rule of a file that has gone bad, and neither one that is gone nor one switched off', () => {
    const previous = buildRuleSet([text('a'), text('b'), text('c'), text('d')]).rules;
    const bad = { file: 'a.yaml', text: rule({ id: 'a', when: 'nonsense' }) };
    const broken = { file: 'd.yaml', text: 'rule: [d' };
    const { rules } = buildRuleSet([bad, text('b', 'enabled: false'), broken], { previous });
    expect(rules.rules.filter(({ enabled }) => enabled).map(({ id }) => id)).toEqual(['a', 'd']);
  });

  test('has a hash of its own for other files and for another time scale', () => {
    const hashes = [
      buildRuleSet([text('a')]).rules.hash,
      buildRuleSet([text('a', 'tags: [x]')]).rules.hash,
      buildRuleSet([text('a')], { timeScale: 60 }).rules.hash,
    ];
    expect(new Set(hashes).size).toBe(3);
    expect(buildRuleSet([text('a')]).rules.hash).toBe(hashes[0]);
  });

  test('divides every duration by the time scale', () => {
    const more = 'for: 5m\nclear_for: 2m\nhold_off: { after_change_of: [fan], for: 10m }\nwork_order: { after: 30m }';
    const [scaled] = buildRuleSet([text('a', more)], { timeScale: 60 }).rules.rules;
    expect(scaled?.timing).toMatchObject({
      everyMs: 1000,
      forMs: 5000,
      clearForMs: 2000,
      gapMsMax: 15_000,
      reopenWithinMs: 1_440_000,
    });
    expect([scaled?.holdOff?.forMs, scaled?.workOrder?.afterMs]).toEqual([10_000, 30_000]);
  });
});

function rule({ id = 'bad', inputs = '', when = 'sat > 1', more = '' }): string {
  const all = inputs || 'sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }';
  const severity = more.includes('severity:') ? '' : 'severity: warning\n';
  const others = inputs
    ? ''
    : `
params: { rise: { default: 1, unit: delta_degC } }`;
  const line = inputs
    ? all
    : `${all}, fan: { class: brick:Fan_On_Off_Status, unit: bool }, oat: { class: brick:Outside_Air_Temperature_Sensor, unit: degF }, share: { class: brick:Valve_Position_Command, unit: percent }, part: { class: brick:Damper_Position_Command, unit: fraction }`;
  const block = inputs ? `inputs:\n  ${line}` : `inputs: { ${line} }`;
  return `rule: ${id}\nversion: 1\ntitle: Bad\napplies_to: { class: brick:AHU }\n${block}${others}\nwhen: ${when}\n${more}\n${severity}category: fault\n`;
}
