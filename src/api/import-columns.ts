import { convert, findNamedConversion } from '../assets/units.ts';
import type { ReadColumns } from '../ingest/imports/columns.ts';
import { type ColumnMap, parseColumnMap } from '../rules/back-test/trend-log.ts';
import { createTrendRowReader } from '../rules/back-test/trend-rows.ts';
import { formatRuleError } from '../rules/language/rule-error.ts';
import { assertZone } from '../rules/language/schedule.ts';

/** Reads the column map of the back-test for an import. */
export const readColumns: ReadColumns = (text, file = 'columns') => {
  const { map, errors } = parseColumnMap(file, text);
  if (!map) return { faults: errors.filter(({ severity }) => severity !== 'warning').map(formatRuleError) };
  const zoneFault = faultOfZone(map);
  if (zoneFault !== undefined) return { faults: [zoneFault] };
  return {
    columns: {
      namesAsset: map.asset.name !== undefined || map.asset.column !== undefined,
      open: ({ header, zone, lastTimes = new Map() }) =>
        createTrendRowReader(map, { header, zone: map.time.zone ?? zone, lastTimes }),
      pointOf: (column) => {
        const point = map.points[column];
        return { name: point?.name ?? column, unit: point?.unit ?? null };
      },
      describe: (asset) => described(asset, map),
      convert: conversionOf,
    },
  };
};

function faultOfZone(map: ColumnMap): string | undefined {
  if (map.time.zone === undefined) return undefined;
  try {
    assertZone(map.time.zone);
    return undefined;
  } catch (error) {
    return `time.zone: ${(error as Error).message}`;
  }
}

function described(asset: string, map: ColumnMap) {
  const own = map.assets?.[asset];
  const columns = Object.entries(map.points).filter(([column]) => own?.points?.includes(column) ?? true);
  return {
    class: own?.class ?? map.asset.class,
    params: { ...map.asset.params, ...own?.params },
    points: Object.fromEntries(
      columns.map(([column, { name, class: className, of, unit }]) => [
        name ?? column,
        { class: className, ...(of !== undefined && { of }), ...(unit !== undefined && { unit }) },
      ]),
    ),
  };
}

function conversionOf(from: string, to: string): ((value: number) => number) | undefined {
  const conversion = findNamedConversion(from, to);
  if (!conversion) return undefined;
  const { scale, offset, steps } = conversion;
  return (value) => convert(value, scale, offset, steps);
}
