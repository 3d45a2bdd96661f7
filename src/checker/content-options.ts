/** What an answer has to contain: a text, a pattern, or exactly the content of a digest. */

import { createHash } from "node:crypto";
import * as z from "zod";
import { quote } from "../config/complaint.ts";
import type { Fields, Shape } from "../config/mapping.ts";
import { Failure } from "./fault.ts";
import { linearPattern } from "./linear-pattern.ts";

const HEX_LENGTH = { md5: 32, sha1: 40, sha256: 64, sha512: 128 } as const;

export const contentShape = {
  contains: z
    .string({ error: ({ input }) => `${quote(input)} is not text` })
    .min(1, { error: "an empty text is in every answer" })
    .optional()
    .describe("Text that the answer has to contain."),
  matches: z
    .string({ error: ({ input }) => `${quote(input)} is not a regular expression` })
    .transform((text, context): RegExp => {
      const pattern = linearPattern(text);
      if (typeof pattern !== "string") return pattern;
      context.issues.push({ code: "custom", message: `${quote(text)}: ${pattern}`, input: text });
      return z.NEVER;
    })
    .optional()
    .describe("A regular expression that the answer has to match."),
  /** "sha256:9f86d0..." */
  digest: z
    .string({ error: ({ input }) => `${quote(input)} is not a digest` })
    .transform((text, context): Digest => {
      const [, algorithm = "", hex = ""] = /^(md5|sha1|sha256|sha512):([0-9a-fA-F]+)$/.exec(text) ?? [];
      const known = algorithm as keyof typeof HEX_LENGTH;
      if (hex.length === HEX_LENGTH[known]) return { algorithm: known, hex: hex.toLowerCase() };
      const message = `${quote(text)} is not a digest; write md5:, sha1:, sha256: or sha512: and its hexadecimal digits`;
      context.issues.push({ code: "custom", message, input: text });
      return z.NEVER;
    })
    .optional()
    .describe("The digest that the whole answer has to have: sha256:9f86d0..."),
} satisfies Shape;

interface Digest {
  readonly algorithm: keyof typeof HEX_LENGTH;
  readonly hex: string;
}

export type ContentRule = Fields<typeof contentShape>;

/** `whole`: nothing of the content is missing. Throws Failure. */
export function requireContent(content: Uint8Array, { contains, matches, digest }: ContentRule, whole: boolean): void {
  const read = whole ? "the answer" : `the first ${content.length} bytes of the answer`;
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  if (contains !== undefined && !bytes.includes(contains)) throw new Failure(`${read} did not contain ${quote(contains)}`);
  if (matches !== undefined && !matches.test(bytes.toString("utf8"))) throw new Failure(`${read} did not match ${quote(matches.source)}`);
  if (digest === undefined) return;
  if (!whole) throw new Failure(`the answer is longer than the ${content.length} bytes that are read, too long for a digest`);
  const found = createHash(digest.algorithm).update(bytes).digest("hex");
  if (found !== digest.hex) throw new Failure(`the answer's ${digest.algorithm} is ${found}`);
}
