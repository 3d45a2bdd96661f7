/** Words as keepalived 2.2.7 cut them, by what its dump (-d) showed. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { commandWords, cutLine, withoutComment } from "./words.ts";

const START = { fileName: "k.conf", line: 1, column: 1 };

function cut(text: string): string {
  const { tokens, unended } = cutLine(text, START);
  const shown = tokens.map((token) => (token.kind === "word" ? `${token.place.column}:${token.text}` : token.kind === "open" ? "{" : "}"));
  return shown.join(" ") + (unended === undefined ? "" : ` unended at ${unended.column}`);
}

test("cutLine() splits at blanks and braces, also inside of a word", () => {
  assert.equal(cut("real_server 10.0.0.1 80 {weight 5}"), "1:real_server 13:10.0.0.1 22:80 { 26:weight 33:5 }");
  assert.equal(cut("path /a{b}"), "1:path 6:/a { 9:b }");
  assert.equal(cut("\t a\tb "), "3:a 5:b");
  assert.equal(cut(""), "");
});

test("cutLine() keeps what quotes hold together, and takes them away", () => {
  assert.equal(cut(`abcd" efg h jkl "mnop`), "1:abcd efg h jkl mnop");
  assert.equal(cut(`abcd "efg h jkl" mnop`), "1:abcd 6:efg h jkl 18:mnop");
  assert.equal(cut(`path "/a{b}"`), "1:path 6:/a{b}");
  assert.equal(cut(`regex 'a "b'`), `1:regex 7:a "b`);
  assert.equal(cut(`regex 'a`), "1:regex 7:a unended at 7");
  assert.deepEqual(
    cutLine(`a "b"`, START).tokens.map((token) => token.kind === "word" && token.quoted),
    [false, true],
  );
});

test("cutLine() reads escapes as a shell does", () => {
  assert.equal(cut(String.raw`regex a\ b\x41\101`), "1:regex 7:a bAA");
  assert.equal(cut(String.raw`a\"b \{ \\`), '1:a"b 6:{ 9:\\');
  assert.equal(cut(String.raw`\n\t\cA\q`), "1:\n\t\u0001q");
  assert.equal(cut("weight \\"), "1:weight 8:\\");
});

test("withoutComment() ends a line at # or ! outside of quotes", () => {
  assert.equal(withoutComment("a # b"), "a");
  assert.equal(withoutComment("a!b"), "a");
  assert.equal(withoutComment(`router_id "a # b ! c" ! d`), `router_id "a # b ! c"`);
  assert.equal(withoutComment(String.raw`a \# b # c`), String.raw`a \# b`);
  assert.equal(withoutComment("! whole"), "");
});

test("commandWords() cuts a command into the program and its arguments, which single quotes hold together", () => {
  assert.deepEqual(commandWords("/bin/true a 'b c' d"), ["/bin/true", "a", "b c", "d"]);
  assert.deepEqual(commandWords("/bin/{a,b} "), ["/bin/{a,b}"]);
  assert.deepEqual(commandWords(""), []);
});
