/** A value as JSON that is written already, as PostgreSQL writes rows: it goes into an answer as it stands. */
export class JsonText<T> {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Itself, made anew at each call. */
  read(): T {
    return JSON.parse(this.text) as T;
  }
}

/** The JSON of a value, which may be written already. */
export function jsonOf(value: unknown): string {
  return value instanceof JsonText ? value.text : JSON.stringify(value);
}

/** The JSON of an array of such values. */
export function jsonOfAll(values: readonly unknown[]): string {
  return `[${values.map(jsonOf).join(',')}]`;
}
