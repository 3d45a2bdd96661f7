/**
 * Regular expressions that take linear time, whatever the text: the text comes from servers, and a pattern that backtracks would let one
 * of them stop the whole director. V8's second engine promises it; what it cannot do (lookaround, backreferences, repeats of hundreds) is
 * refused when the options are read.
 */

import { setFlagsFromString } from "node:v8";

/** The flag of that engine. */
const LINEAR = "l";

let enabled = false;

/** A pattern, or what is wrong with the text. `.` does not match the end of a line. */
export function linearPattern(text: string): RegExp | string {
  try {
    // So that a mistake of the pattern itself is told as such.
    new RegExp(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  if (!enabled) setFlagsFromString("--enable-experimental-regexp-engine");
  enabled = true;
  try {
    return new RegExp(text, LINEAR);
  } catch {
    return "it cannot be matched in linear time; leave out lookahead, lookbehind, backreferences and repeats of hundreds";
  }
}
