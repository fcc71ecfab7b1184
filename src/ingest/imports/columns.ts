/**
 * What an import needs of a column map. The map itself is the back-test's, and lies with the rules, which ingest does not know:
 * whoever wires an import hands over how it is read.
 */
import type { SelfDescription } from '../../assets/discovery.ts';

/** A cell of a row: its column, and its number, undefined for what is neither number nor truth. */
export type ImportCell = { readonly name: string; readonly text: string; readonly value: number | undefined };

export type ImportRow = {
  readonly asset: string | undefined;
  readonly at: number | undefined;
  readonly timeText: string;
  readonly cells: readonly ImportCell[];
  readonly strangePoint: string | undefined;
};

export type ImportRowReader = {
  read(row: readonly string[]): ImportRow;
  /** What helps with a time that cannot be read, where anything does. */
  helpWithTime(timeText: string): string | undefined;
  readonly lastTimes: Map<string, number>;
};

export type ImportColumns = {
  /** Whether the map, or one of its columns, names the asset of each row. */
  readonly namesAsset: boolean;
  /** A reader of the rows below a header; `zone` is for times without one, where the map names none. Throws a sentence. */
  open(given: { header: string[]; zone: string; lastTimes?: Map<string, number> }): ImportRowReader;
  /** What the site calls the point of a column, and the unit that the map says it is in. */
  pointOf(column: string): { readonly name: string; readonly unit: string | null };
  /** What the map says of an asset, for sites that discover. */
  describe(asset: string): SelfDescription;
  /** The formula from one unit to another; undefined where there is none. */
  convert(from: string, to: string): ((value: number) => number) | undefined;
};

/** Reads a column map from YAML or JSON; what is wrong with it is told place by place, in the file of that name. */
export type ReadColumns = (text: string, file?: string) => { columns: ImportColumns } | { faults: string[] };
