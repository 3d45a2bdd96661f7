/** Definitions, conditions, sequences, lists and included files, by the examples of keepalived.conf(5). */

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: keepalived's definitions look so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type IncludedFile, readLines } from "./lines.ts";

interface Read {
  readonly lines: readonly string[];
  readonly complaints: readonly string[];
  readonly places: readonly string[];
  readonly elsewhere: readonly string[];
}

function read(text: string, { configId = "main", files = {} as Readonly<Record<string, string>> } = {}): Read {
  const complaints: string[] = [];
  const include = (pattern: string): readonly IncludedFile[] | string => {
    const found = files[pattern];
    return found === undefined ? "no such file" : [{ fileName: pattern, text: found }];
  };
  const { lines, asides } = readLines({ fileName: "/etc/k.conf", text }, { configId, include }, (place, what) =>
    complaints.push(`${place.fileName}:${place.line}:${place.column}: ${what}`),
  );
  return {
    lines: lines.map((line) => line.text),
    complaints,
    places: lines.map(({ place }) => `${place.fileName}:${place.line}:${place.column}`),
    elsewhere: asides.flatMap(({ kind, text: aside }) => (kind === "elsewhere" ? [aside] : [])),
  };
}

test("readLines() replaces definitions where they are used, not where they are made", () => {
  const text = "$BASE=10.2.${SUB}\n$SUB=0\n${BASE}.100/32\n$SUB=10\n${BASE}.100/32\n${UNDEFINED} $SUB $SUBx";
  assert.deepEqual(read(text).lines, ["10.2.0.100/32", "10.2.10.100/32", "${UNDEFINED} 10 $SUBx"]);
});

test("readLines() takes the lines that are for this machine, and names the others", () => {
  const text = "@main   router_id main_router\n@backup router_id backup_router\n@^main a\n@^backup b";
  assert.deepEqual(read(text).lines, ["router_id main_router", "b"]);
  assert.deepEqual(read(text).elsewhere, ["@backup router_id backup_router", "@^main a"]);
  assert.deepEqual(read(text, { configId: "backup" }).lines, ["router_id backup_router", "a"]);
  assert.deepEqual(read("@main $P=240\n@backup $P=200\npriority $P").lines, ["priority 240"]);
  assert.deepEqual(read("$IF=@main\n$IF priority 240\n$NOT=@x\n$NOT priority 1").lines, ["priority 240"]);
});

test("readLines() writes the lines of a body out, each with its own place", () => {
  const text = "$V= \\\n  server ${N} { \\\n\n    @main weight ${N} \\\n  }\n$N=1\n$V\n$N=2\n  $V";
  const { lines, places } = read(text);
  assert.deepEqual(lines, ["server 1 {", "weight 1", "}", "server 2 {", "weight 2", "}"]);
  assert.deepEqual(places.slice(0, 3), ["/etc/k.conf:2:3", "/etc/k.conf:4:11", "/etc/k.conf:5:3"]);
});

test("readLines() counts sequences up and down, in hexadecimal too, and within each other", () => {
  assert.deepEqual(read("~SEQ(S, 0, 3) ip 10.0.${S}.1").lines, ["ip 10.0.0.1", "ip 10.0.1.1", "ip 10.0.2.1", "ip 10.0.3.1"]);
  assert.deepEqual(read("~SEQx(S, 0x90, 0x10, 0xc0) fe80::$S").lines, ["fe80::90", "fe80::a0", "fe80::b0", "fe80::c0"]);
  assert.deepEqual(read("~SEQ(A, 2) ~SEQ(B, 3, -1, 2) ${A}${B}").lines, ["13", "12", "23", "22"]);
  assert.deepEqual(read("~SEQ(A, -2) $A").lines, ["-1", "-2"]);
});

test("readLines() goes through lists, also of several names at once, and through sequences in them", () => {
  const text = "~LST({IP, IP1}, {10,1},{20,4}) ~SEQ(IP2,168,2,170) 192.${IP2}.${IP}.${IP1}";
  assert.deepEqual(read(text).lines, ["192.168.10.1", "192.170.10.1", "192.168.20.4", "192.170.20.4"]);
});

test("readLines() knows the names that keepalived defines itself", () => {
  assert.deepEqual(read("script ${_PWD}/x ${_HASH}1 ${_BANG} ${_INSTANCE}").lines, ["script /etc/x #1 ! main"]);
});

test("readLines() reads included files in their place", () => {
  const files = { "a.conf": "inside $X\n$X=2", "b.conf": "@other no\nyes" };
  assert.deepEqual(read("$X=1\ninclude a.conf\nafter $X\nincludea b.conf", { files }).lines, ["inside 1", "after 2", "yes"]);
});

test("readLines() complains with the place of what it cannot do", () => {
  const complaintOf = (text: string, files?: Readonly<Record<string, string>>) =>
    read(text, files === undefined ? {} : { files }).complaints;
  assert.deepEqual(complaintOf("a\n  include none.conf"), ['/etc/k.conf:2:3: the file "none.conf" cannot be included: no such file']);
  assert.match(complaintOf("~SEQ(A, 1, -1, 5) x")[0] ?? "", /^\/etc\/k\.conf:1:1: a sequence is written/);
  assert.match(complaintOf("~SEQ(A, 1, 0, 5) x")[0] ?? "", /a sequence is written/);
  assert.match(complaintOf("~LST({A, B}, {1}) x")[0] ?? "", /a list is written/);
  assert.match(complaintOf("weight ${_RANDOM 1 5}")[0] ?? "", /a random number is another one at each start/);
  assert.match(complaintOf("$A=${A}${A}\n$A")[0] ?? "", /more than|contain itself/);
  assert.match(complaintOf("$A= \\\n x \\\n $A\n$A")[0] ?? "", /does one contain itself/);
  assert.match(complaintOf("include a", { a: "include a" })[0] ?? "", /does one contain itself/);
  assert.match(complaintOf("~SEQ(A,999) ~SEQ(B,999) ~SEQ(C,999) $A$B$C")[0] ?? "", /more than 200000 lines/);
});
