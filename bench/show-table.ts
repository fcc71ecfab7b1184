/** A column of a table: its title, and what a row has there. */
export type Column<Row> = readonly [string, (row: Row) => string];

type Table<Row> = {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  /** The rows as they are instead, one object a line. */
  readonly asJson: boolean;
};

/** Prints a table, the first column to the left and the others to the right. */
export function showTable<Row extends object>({ title, rows, columns, asJson }: Table<Row>): void {
  if (asJson) {
    for (const row of rows) process.stdout.write(`${JSON.stringify({ bench: title, ...row })}\n`);
    return;
  }
  const cells = [columns.map(([name]) => name), ...rows.map((row) => columns.map(([, read]) => read(row)))];
  const widths = columns.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  process.stdout.write(`\n${title}\n`);
  for (const row of cells)
    process.stdout.write(
      `${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}\n`,
    );
}
