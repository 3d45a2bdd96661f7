/**
 * A plain value -> YAML text as a person would write it: what is short stands on one line, what has an origin has it in a comment above.
 * Reading the text gives the value again.
 */

import { Document, isCollection, isMap, isPair, isScalar, isSeq, type Node, Scalar } from "yaml";

export interface YamlText {
  /** Above the whole, without #. */
  readonly head?: readonly string[];
  /** Above the item of a list that this mapping is. */
  readonly comments?: ReadonlyMap<object, string>;
}

/** A mapping or a list whose text is no longer stands on one line. */
const LINE_MAX = 96;

export function writeYaml(value: unknown, { head = [], comments = new Map() }: YamlText = {}): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  if (document.contents !== null) shape(document.contents as Node, value, comments, 0);
  const text = document.toString({ lineWidth: 0, flowCollectionPadding: true });
  return head.map((line) => (line === "" ? "#\n" : `# ${line}\n`)).join("") + (head.length > 0 ? "\n" : "") + text;
}

/** The node and the value that it was made of, side by side. Returns whether something in it has a comment. */
function shape(node: Node, value: unknown, comments: ReadonlyMap<object, string>, depth: number): boolean {
  if (isScalar(node) && typeof node.value === "string" && /[\n\r]/.test(node.value)) node.type = Scalar.QUOTE_DOUBLE;
  if (!isCollection(node) || typeof value !== "object" || value === null) return false;
  const comment = comments.get(value);
  if (comment !== undefined) node.commentBefore = ` ${comment}`;
  let commented = comment !== undefined;
  if (isSeq(node) && Array.isArray(value)) {
    for (const [i, item] of node.items.entries()) commented = shape(item as Node, value[i], comments, depth + 1) || commented;
  }
  if (isMap(node)) {
    for (const pair of node.items) {
      if (!isPair(pair) || !isScalar(pair.key) || pair.value === null) continue;
      const each = (value as Readonly<Record<string, unknown>>)[String(pair.key.value)];
      commented = shape(pair.value as Node, each, comments, depth + 1) || commented;
    }
  }
  // The file's sections, and what has an origin, spread out.
  node.flow = depth > 1 && !commented && isSmall(value);
  return commented;
}

function isSmall(value: object): boolean {
  if (Array.isArray(value) && value.some((item) => typeof item === "object" && item !== null)) return false;
  const text = JSON.stringify(value);
  return text.length <= LINE_MAX && !text.includes("\\");
}
