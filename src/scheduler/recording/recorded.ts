/** Reads what a recording says, value by value; a recording that says something else is named as what it is, not guessed at. */

/** A file that is not what it should be: broken, or in a form that is not known. */
export class BadRecording extends Error {
  override readonly name = "BadRecording";
}

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadRecording(`${what} should be an object`);
  return value as Fields;
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new BadRecording(`${what} should be a list`);
  return value;
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== "string") throw new BadRecording(`${what} should be text`);
  return value;
}

export function numberOf(value: unknown, what: string): number {
  if (typeof value !== "number") throw new BadRecording(`${what} should be a number`);
  return value;
}

/** Where an engine did otherwise. */
export interface Difference {
  /** Which scenario, case or vector of the file. */
  readonly part: string;
  /** The index of the event in it. */
  readonly event: number;
  readonly expected: string;
  readonly chosen: string;
}

export interface ReplayResult {
  readonly decisions: number;
  readonly differences: readonly Difference[];
}
