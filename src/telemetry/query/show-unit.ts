import { findConversion, findUnit, listUnitIds } from '../../assets/units.ts';
import type { Series, ShownSeries } from './query.ts';

/** A series in another unit; or what is wrong with that, in words. Without one it is shown as it is stored. */
export function showInUnit(series: Series, asked: string | undefined): ShownSeries | { readonly fault: string } {
  if (asked === undefined || asked === series.unit) return { ...series, conversion: null };
  const to = findUnit(asked);
  if (!to) return { fault: `there is no unit ${asked}; there are ${listUnitIds().slice(0, 8).join(', ')} and more` };
  if (series.unit === null) return { fault: 'the point has no unit, so its values cannot be converted' };
  const from = findUnit(series.unit);
  if (!from) return { fault: `the point's unit is ${series.unit}, which cannot be converted` };
  const conversion = findConversion(from, to);
  if (!conversion) {
    const fitting = listUnitIds().filter((id) => findUnit(id)?.dimension === from.dimension);
    return { fault: `${series.unit} cannot be shown in ${to.id}; it can be in ${fitting.join(', ')}` };
  }
  const isSame = conversion.scale === 1 && conversion.offset === 0;
  return { ...series, unit: to.id, conversion: isSame ? null : conversion };
}
