/** One line on the standard output. */
export function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** One object on a line of its own (JSON Lines). */
export function printJson(object: object): void {
  print(JSON.stringify(object));
}
