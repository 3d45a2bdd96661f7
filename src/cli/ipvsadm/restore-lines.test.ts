import assert from "node:assert/strict";
import { test } from "node:test";
import { restoreLines } from "./restore-lines.ts";

const linesOf = (text: string) => [...restoreLines(text)].map(({ number, words }) => [number, ...words]);

test("words are cut by blanks and by nothing else", () => {
  assert.deepEqual(linesOf("-A -t  x\t-s rr \r\n"), [[1, "-A", "-t", "x", "-s", "rr"]]);
  assert.deepEqual(linesOf("-s 'r r' \"\" \\ # x;y\vz"), [[1, "-s", "'r", "r'", '""', "\\", "#", "x;y\vz"]]);
});

test("lines without words are none, and count", () => {
  assert.deepEqual(linesOf(""), []);
  assert.deepEqual(linesOf("\n \n\t\r\n-C\n\n-Z"), [
    [4, "-C"],
    [6, "-Z"],
  ]);
});

test('the name "ipvsadm" is passed over wherever it stands; another one is not', () => {
  assert.deepEqual(linesOf("ipvsadm\nipvsadm -A ipvsadm -t x\n/sbin/ipvsadm -C\n"), [
    [2, "-A", "-t", "x"],
    [3, "/sbin/ipvsadm", "-C"],
  ]);
});

test("a word ends at a NUL, as C's do", () => {
  assert.deepEqual(linesOf("-A\0B \0 -t\n"), [[1, "-A", "", "-t"]]);
});

test("a word of more than 4096 characters goes on as the next one", () => {
  assert.deepEqual(linesOf("x".repeat(4096)), [[1, "x".repeat(4096)]]);
  assert.deepEqual(linesOf("x".repeat(8193)), [[1, "x".repeat(4096), "x".repeat(4096), "x"]]);
});

test("a line that begins with # is none where comments are; elsewhere it is one", () => {
  const text = "# ipvsadm.rules\n#-C\n-Z #\n";
  assert.deepEqual([...restoreLines(text, { comments: true })], [{ number: 3, words: ["-Z", "#"] }]);
  assert.deepEqual(linesOf(text)[0], [1, "#", "ipvsadm.rules"]);
});

test("a mark of 2^31 and above is read as -S writes it, and so is the third flag, which has no name in sh and mh", () => {
  assert.deepEqual(linesOf("-A -f -2147483648 -s rr\n-a -f -1 -r 192.0.2.1:0\n-A -t x -s sh -b \n"), [
    [1, "-A", "-f", "2147483648", "-s", "rr"],
    [2, "-a", "-f", "4294967295", "-r", "192.0.2.1:0"],
    [3, "-A", "-t", "x", "-s", "sh", "-b", "flag-3"],
  ]);
  assert.deepEqual(linesOf("-A -f -2147483649\n-A -f -0\n-A -f 7 -p -1\n"), [
    [1, "-A", "-f", "-2147483649"],
    [2, "-A", "-f", "-0"],
    [3, "-A", "-f", "7", "-p", "-1"],
  ]);
});
