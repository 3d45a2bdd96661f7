/** A mistake in a configuration file, with the place where it stands: `evenkeel.yaml:12:15: services[2].port: ...`. */

export type Path = readonly (string | number)[];

export interface Place {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

export interface Complaint extends Place {
  readonly fileName: string;
  /** "services[2].servers[0].weight"; empty when it is about the file as a whole. */
  readonly path: string;
  /** What is wrong and what is allowed. */
  readonly text: string;
}

export function formatComplaint(complaint: Complaint): string {
  const place = `${complaint.fileName}:${complaint.line}:${complaint.column}`;
  return complaint.path === "" ? `${place}: ${complaint.text}` : `${place}: ${complaint.path}: ${complaint.text}`;
}

export function formatPath(path: Path): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[\w-]{1,60}$/.test(step)) text += `[${quote(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** A value of the file as a complaint may show it: short, on one line, with nothing that moves a terminal. */
export function quote(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a mapping";
  if (typeof value !== "string") return `${value as number | boolean | bigint}`;
  const shown = value.length > 60 ? `${value.slice(0, 57)}...` : value;
  return printable(JSON.stringify(shown));
}

/** Text of the file itself, with everything escaped that would break the line or move the terminal. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}
