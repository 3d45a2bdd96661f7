/**
 * Tables for a terminal: columns as wide as their widest cell, counted in terminal cells, so that Chinese and colours line up.
 * No lines, no boxes: what stands in a table can be cut with awk.
 */

import { styleText } from "node:util";
import stringWidth from "string-width";

export interface Column {
  readonly title: string;
  /** Numbers stand right. */
  readonly align?: "left" | "right";
}

const GAP = "  ";

/** The table as text, without the last newline. A missing cell is empty; a cell is one line. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map((column) => (column.title === "" ? "" : styleText("bold", column.title, { stream: process.stdout })));
  const lines = [titles, ...rows];
  const widths = columns.map((_, i) => Math.max(0, ...lines.map((cells) => stringWidth(cells[i] ?? ""))));
  return lines
    .map((cells) =>
      columns
        .map((column, i) => pad(cells[i] ?? "", widths[i] ?? 0, column.align ?? "left"))
        .join(GAP)
        .trimEnd(),
    )
    .join("\n");
}

function pad(text: string, width: number, align: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, width - stringWidth(text)));
  return align === "right" ? space + text : text + space;
}
