import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildRuleSet, loadRules } from '../language/load-rules.ts';
import { backTest, backTestLog, daysIn, localDay } from './back-test.ts';
import { readLogColumns } from './log-columns.ts';
import { type ColumnMap, parseColumnMap, readTrendLog } from './trend-log.ts';

const columns = `
time: { column: Time, format: "M/d/yyyy H:mm", zone: America/Chicago }
asset: { name: AHU-1, class: brick:AHU, params: { min_oa: 0.4 } }
points:
  SAT: { class: brick:Supply_Air_Temperature_Sensor, unit: degF }
  MAT: { class: brick:Mixed_Air_Temperature_Sensor, unit: degF }
  SAT SP: { class: brick:Supply_Air_Temperature_Setpoint, unit: degF }
  Fan: { class: brick:Fan_On_Off_Status, of: brick:Supply_Fan, unit: bool }
  Speed: { class: brick:Fan_Speed_Command, of: brick:Supply_Fan, unit: fraction }
  Cooling: { class: brick:Valve_Position_Command, of: brick:Cooling_Coil, unit: fraction }
  Heating: { class: brick:Valve_Position_Command, of: brick:Heating_Coil, unit: fraction }
`;

/** A day of an air handler, a row a minute from 6 to 18 h: with a cooling valve that is stuck open, or without a fault. */
function day(date: string, isFaulty: boolean): string[] {
  return Array.from({ length: 720 }, (_, minute) => {
    const time = `${date} ${6 + Math.floor(minute / 60)}:${String(minute % 60).padStart(2, '0')}`;
    const wobble = Math.sin(minute / 7) * 0.4;
    return isFaulty
      ? `${time},${44 + wobble},70.5,65,1,0.8,0,1`
      : `${time},${55 + wobble},72.5,55,1,0.8,${0.5 + wobble / 10},0`;
  });
}

const header = 'Time,SAT,MAT,SAT SP,Fan,Speed,Cooling,Heating';

describe('a back-test over a trend log', () => {
  test('finds a stuck cooling valve as one insight with one work order, and nothing on a healthy day', async () => {
    const { rules, errors } = await loadRules(new URL('../../../rules', import.meta.url).pathname);
    expect(errors).toEqual([]);
    const { map } = parseColumnMap('columns.yaml', columns);
    const log = readTrendLog(
      [header, ...day('8/31/2026', true), ...day('9/3/2026', false)].join('\n'),
      map as NonNullable<typeof map>,
    );
    const [fromMs, toMs] = [log.readings[0]?.at ?? 0, log.readings.at(-1)?.at ?? 0];
    const found = backTest({ ruleSet: rules, ...log, fromMs, toMs }, { split: 'day', zone: log.zone });
    expect(found.map(({ day: on, rule, workOrder, suppressedBy }) => ({ on, rule, workOrder, suppressedBy }))).toEqual([
      { on: '2026-08-31', rule: 'ahu-cooling-valve-passing', workOrder: true, suppressedBy: null },
    ]);
    expect(new Date(found[0]?.openedAt ?? 0).toISOString()).toBe('2026-08-31T11:45:00.000Z');
  });

  test('finds the same over columns as over readings, in one piece and day by day', async () => {
    const { rules: ruleSet } = await loadRules(new URL('../../../rules', import.meta.url).pathname);
    const map = parseColumnMap('columns.yaml', columns).map as ColumnMap;
    const csv = [header, ...day('8/31/2026', true), ...day('9/1/2026', true), ...day('9/3/2026', false)].join('\n');
    const [log, logColumns] = [readTrendLog(csv, map), readLogColumns(Buffer.from(csv), map)];
    const [fromMs, toMs] = [log.readings[0]?.at ?? 0, log.readings.at(-1)?.at ?? 0];
    for (const split of ['none', 'day'] as const) {
      const wanted = backTest({ ruleSet, ...log, fromMs, toMs }, { split, zone: log.zone });
      expect(wanted.length).toBeGreaterThan(0);
      expect(backTestLog(logColumns, { ruleSet, split })).toEqual(wanted);
    }
  });
});

describe('the end of a trend log', () => {
  const columns = 'time: { column: t }\nasset: { name: A, class: brick:AHU }\npoints: { x: { class: brick:Sensor } }\n';
  const rule = (every: string) =>
    `rule: r-${every}\nversion: 1\ntitle: T\napplies_to: { class: brick:AHU }\nevery: ${every}\ninputs: { x: { class: brick:Sensor } }\nwhen: x > 50\nseverity: info\ncategory: fault\n`;
  const { rules: ruleSet, errors } = buildRuleSet(
    ['20s', '1m', '5m'].map((every) => ({ file: `${every}.yaml`, text: rule(every) })),
  );

  test.each([
    ['the tick that closes over the last reading is evaluated, and none after it', ['00:00:30Z,10', '00:01:30Z,60']],
    ['a reading at a tick is the last one of it', ['00:00:30Z,10', '00:01:40Z,10', '00:02:00Z,60']],
  ])('%s', (_, rows) => {
    expect(errors).toEqual([]);
    const { map } = parseColumnMap('columns.yaml', columns);
    const log = readLogColumns(
      Buffer.from(['t,x', ...rows.map((row) => `2026-01-05T${row}`)].join('\n')),
      map as ColumnMap,
    );
    const closing = rows[1] === '00:01:30Z,60' ? '00:01:40' : '00:02:00';
    for (const split of ['none', 'day'] as const) {
      const found = backTestLog(log, { ruleSet, split });
      const opened = found.map(({ rule: id, openedAt }) => [id, new Date(openedAt).toISOString().slice(11, 19)]);
      expect(Object.fromEntries(opened)).toEqual({ 'r-20s': closing, 'r-1m': '00:02:00', 'r-5m': '00:05:00' });
      expect(found.every(({ clearedAt, faultMs }) => clearedAt === null && faultMs === 0)).toBe(true);
    }
  });
});

test('local days begin and end with readings of theirs, at the changes of the clock too', () => {
  const zone = fc.constantFrom('America/Chicago', 'Australia/Lord_Howe', 'America/Sao_Paulo', 'UTC');
  const quarters = fc.uniqueArray(fc.nat(96 * 40), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(
      zone,
      quarters,
      fc.constantFrom(Date.UTC(2018, 9, 15), Date.UTC(2026, 2, 1)),
      (where, some, startMs) => {
        const times = Float64Array.from(some, (quarter) => startMs + quarter * 900_000).sort();
        const columnOf = (isOdd: number) => {
          const own = times.filter((_, index) => index % 2 === isOdd);
          return { times: own, values: own };
        };
        const found = daysIn(new Map([0, 1].map((isOdd) => [String(isOdd), columnOf(isOdd)])), where);
        const wanted = [...Map.groupBy(times, (time) => localDay(time, where)).values()];
        expect(found.map(({ fromMs, toMs }) => [fromMs, toMs])).toEqual(wanted.map((day) => [day[0], day.at(-1)]));
      },
    ),
    { numRuns: 300 },
  );
});

describe('reading a trend log', () => {
  const read = (map: string, csv: string) => {
    const { map: parsed, errors } = parseColumnMap('map.yaml', map);
    expect(errors).toEqual([]);
    return readTrendLog(csv, parsed as NonNullable<typeof parsed>);
  };
  const wide =
    'time: { column: t, format: seconds }\nasset: { column: unit, class: brick:AHU }\npoints: { x: { class: brick:Sensor }, b: { class: brick:Status } }\n';
  const long =
    'layout: long\ntime: { column: time_s, format: seconds }\npoint: { column: node }\nasset: { class: brick:AHU }\npoints: { x: { class: brick:Sensor } }\n';

  test('several assets in one file, blanks, truths and what is no number', () => {
    const log = read(wide, 't,unit,x,b\n1,A,5,True\n1,B,,false\n2,A,#VALUE!,\nnever,A,1,1\n');
    expect(log.assets.map(({ asset }) => asset.id)).toEqual(['A', 'B']);
    expect(log.readings.map(({ point, at, value }) => `${point} ${at} ${value}`)).toEqual([
      'A/x 1000 5',
      'A/b 1000 1',
      'B/b 1000 0',
    ]);
    expect(log.unreadable).toEqual({ times: 1, values: 1 });
  });

  test('its assets go by the site and the tags that overrides may name', () => {
    const map = wide.replace(
      'class: brick:AHU }',
      'class: brick:AHU, site: plant, tags: [lab] }\nassets: { A: { tags: [old] } }',
    );
    const assets = read(map, 't,unit,x,b\n1,A,5,1\n1,B,5,1\n').assets.map(({ asset }) => asset);
    expect(assets.map(({ site, tags }) => [site?.slug, tags])).toEqual([
      ['plant', ['lab', 'old']],
      ['plant', ['lab']],
    ]);
  });

  test('one reading a row', () => {
    const log = read(long, 'time_s,node,value,type\n0.5,x,True,bool\n2,other,1,int\n1.5,x,3,int\n');
    expect(log.readings.map(({ at, value }) => `${at} ${value}`)).toEqual(['500 1', '1500 3']);
  });

  test('a column that the file lacks is named', () => {
    expect(() => read(wide, 't,unit,y\n')).toThrow("no column 'x'");
  });
});
