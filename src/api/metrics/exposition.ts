/**
 * Prometheus' text format (0.0.4), written by hand where the numbers are the kernel's: they are counters already, some of them greater than a JavaScript number
 * is exact for, and ten thousand servers of them come at each scrape.
 */

export type MetricType = "counter" | "gauge" | "summary";

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: MetricType;
  /** Lines by sample(). */
  readonly samples: Iterable<string>;
}

export type Labels = Readonly<Record<string, string>>;

/** `a="1",b="2"`, for several samples. */
export function labelText(labels: Labels): string {
  let text = "";
  for (const name in labels) text += `${text === "" ? "" : ","}${name}="${escaped(labels[name] ?? "")}"`;
  return text;
}

/** `labels` as labelText() writes them; empty: none. */
export function sample(name: string, labels: string, value: number | bigint): string {
  return labels === "" ? `${name} ${numberText(value)}\n` : `${name}{${labels}} ${numberText(value)}\n`;
}

/** In pieces, some milliseconds of work each. Families without samples are left out. */
export function* exposition(families: Iterable<Family>, pieceCharacters = 64 * 1024): Generator<string> {
  let piece = "";
  for (const { name, help, type, samples } of families) {
    let head = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${type}\n`;
    for (const line of samples) {
      piece += head + line;
      head = "";
      if (piece.length < pieceCharacters) continue;
      yield piece;
      piece = "";
    }
  }
  yield piece;
}

function escaped(value: string): string {
  return /[\\"\n]/.test(value) ? value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : value;
}

function numberText(value: number | bigint): string {
  if (typeof value === "bigint" || Number.isFinite(value)) return `${value}`;
  return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}
