/** What a TypeScript file refers to, read from its syntax tree: imports of every form, files it names by URL, and globals. */

import { posix } from "node:path";
import { parseSync } from "oxc-parser";

export interface SourceFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Reference {
  /** As written, for packages and node:*; from the root of the repository, for files. */
  readonly target: string;
  readonly kind: "file" | "package" | "node";
  readonly line: number;
  /** Types leave no trace at run time. */
  readonly typeOnly: boolean;
}

export interface Reading {
  readonly references: readonly Reference[];
  /** Uses of what reaches out into the world: clocks, chance, waiting, the process. */
  readonly worldly: readonly { readonly what: string; readonly line: number }[];
  /** `export ... from`: the file passes on what another file says. */
  readonly reexports: boolean;
}

const WORLDLY_GLOBALS = new Set(
  (
    "Date performance process console fetch crypto globalThis global require Worker WebSocket Buffer " +
    "setTimeout setInterval setImmediate queueMicrotask AbortSignal Atomics"
  ).split(" "),
);

interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

export function readSource({ path, text }: SourceFile): Reading {
  const { program, errors } = parseSync(path, text, { lang: "ts" });
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]?.message}`);
  const references: Reference[] = [];
  const worldly: { what: string; line: number }[] = [];
  let reexports = false;
  const lineAt = (offset: number): number => text.slice(0, offset).split("\n").length;

  const refer = (source: unknown, node: Node, typeOnly: boolean): void => {
    const specifier = literalText(source);
    if (specifier === undefined) worldly.push({ what: "an import whose name is computed", line: lineAt(node.start) });
    else references.push({ ...classify(path, specifier), line: lineAt(node.start), typeOnly });
  };

  const visit = (node: Node): void => {
    switch (node.type) {
      case "ImportDeclaration":
        refer(node["source"], node, node["importKind"] === "type");
        break;
      case "ExportAllDeclaration":
      case "ExportNamedDeclaration":
        if (isNode(node["source"])) {
          reexports = true;
          refer(node["source"], node, node["exportKind"] === "type");
        }
        break;
      case "ImportExpression":
        refer(node["source"], node, false);
        worldly.push({ what: "import()", line: lineAt(node.start) });
        break;
      case "TSImportType":
        refer(node["source"] ?? node["argument"], node, true);
        break;
      case "TSExternalModuleReference":
        refer(node["expression"], node, false);
        break;
      case "NewExpression":
        // new URL("./program.ts", import.meta.url): how a file is named that another process will run.
        if (nameOf(node["callee"]) === "URL") referByUrl(node);
        break;
      case "MetaProperty":
        if (nameOf(node["meta"]) === "import") worldly.push({ what: "import.meta", line: lineAt(node.start) });
        break;
      case "AwaitExpression":
        worldly.push({ what: "await", line: lineAt(node.start) });
        break;
      case "ForOfStatement":
        if (node["await"] === true) worldly.push({ what: "for await", line: lineAt(node.start) });
        break;
      case "MemberExpression":
        if (nameOf(node["object"]) === "Math" && nameOf(node["property"]) === "random")
          worldly.push({ what: "Math.random", line: lineAt(node.start) });
        break;
      case "Identifier":
        if (WORLDLY_GLOBALS.has(String(node["name"]))) worldly.push({ what: String(node["name"]), line: lineAt(node.start) });
        break;
    }
    for (const child of children(node)) visit(child);
  };

  const referByUrl = (node: Node): void => {
    const [first, base] = node["arguments"] as unknown[];
    const specifier = literalText(first);
    if (specifier === undefined || !specifier.endsWith(".ts") || !isNode(base) || !text.slice(base.start).startsWith("import.meta.url"))
      return;
    references.push({ ...classify(path, `./${specifier}`), line: lineAt(node.start), typeOnly: false });
  };

  visit(program as unknown as Node);
  return { references, worldly, reexports };
}

function classify(from: string, specifier: string): Pick<Reference, "target" | "kind"> {
  if (specifier.startsWith("node:")) return { target: specifier, kind: "node" };
  if (!specifier.startsWith(".")) return { target: packageOf(specifier), kind: "package" };
  return { target: posix.normalize(posix.join(posix.dirname(from), specifier)), kind: "file" };
}

/** "@scope/name/deep" -> "@scope/name". */
function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

/** Every node within, but for plain property names, which are no references: `window.process`, `{ process: 1 }`. */
function children(node: Node): Node[] {
  return Object.entries(node).flatMap(([key, value]) => {
    const plainName = (key === "property" || key === "key") && node["computed"] !== true;
    if (plainName && isNode(value) && value.type === "Identifier" && node["shorthand"] !== true) return [];
    return (Array.isArray(value) ? value : [value]).filter(isNode);
  });
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === "Identifier" ? String(node["name"]) : undefined;
}

function literalText(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "Literal" && typeof node["value"] === "string") return node["value"];
  if (node.type === "TSLiteralType") return literalText(node["literal"]);
  return undefined;
}
