/** Whatever stands in a line or in what is restored: a command or a CommandError, at once. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CommandError, type Names } from "./command.ts";
import { parseCommand } from "./parse.ts";
import { restoreLines } from "./restore-lines.ts";

const NOBODY: Names = { hostAddress: () => undefined, hostName: () => undefined, portOf: () => undefined, serviceOf: () => undefined };

const WORDS = (
  "-A -E -D -C -R -S -a -e -d -L -l -Z --set --start-daemon --stop-daemon -h -v -t -u -f -6 -s -p -M -r -g -i -m -w -x -y -c -n -o -b -X " +
  "--pe --timeout --daemon --stats --rate --exact --thresholds --persistent-conn --tun-info --nosort --sort --syncid --sync-maxlen " +
  "--mcast-interface --mcast-group --mcast-port --mcast-ttl --tun-type --tun-port --tun-nocsum --tun-csum --tun-remcsum --sctp-service " +
  "--output json --client --server --service --state --keep-going --replace master backup 192.0.2.1:80 [2001:db8::1]:80 ::1 rr sip gue " +
  "flag-1,, sh-port 0 1 64 255.255.0.0 -- - ipvsadm __proto__ constructor toString"
).split(" ");

const word = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...WORDS) },
  fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom("", "="), fc.constantFrom(...WORDS)).map((parts) => parts.join("")),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.string({ unit: fc.constantFrom(..."0123456789.:[]-= x%".split("")), maxLength: 30 }),
);

function judge(words: readonly string[], restoring: boolean): void {
  try {
    assert.ok(parseCommand(words, NOBODY, restoring).kind);
  } catch (error) {
    assert.ok(error instanceof CommandError, String(error));
    assert.ok(error.message !== "" && error.exitCode > 0);
  }
}

test("any words", () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), fc.boolean(), (words, restoring) => judge(words, restoring)),
    { numRuns: 20_000 },
  );
});

test("any text to restore", () => {
  const text = fc.array(fc.oneof(word, fc.constantFrom("\n", "\r\n", "\0", " ", "\t")), { maxLength: 40 }).map((parts) => parts.join(" "));
  fc.assert(
    fc.property(text, (input) => {
      for (const { words } of restoreLines(input)) judge(words, true);
    }),
    { numRuns: 5000 },
  );
});

test("very long words and very many of them", () => {
  judge(["-A", "-t", "1".repeat(1_000_000)], false);
  judge(["-A", "-t", `[${":".repeat(1_000_000)}]:80`], false);
  judge(["-A", "-s", "sh", "-b", ",".repeat(1_000_000)], false);
  judge(["-A", "-w", " ".repeat(1_000_000)], false);
  judge(["-A", "-t", "[::1]:80", "-M", "9".repeat(100_000)], false);
  judge([`-${"n".repeat(100_000)}`], false);
  judge(["-L", ...Array<string>(100_000).fill("--sort")], false);
});
