/** Hints that can be copied: the program by the name under which it was called (bin/evenkeel says), which need not be on PATH. */

const CALLED_AS = process.env["EVENKEEL_CALLED_AS"] ?? "evenkeel";

/** The text with each command "evenkeel VERB" as this shell would find it. */
export function asCalled(text: string): string {
  return text.replaceAll(/(?<![\w/-])evenkeel (?=[a-z])/g, () => `${CALLED_AS} `);
}
