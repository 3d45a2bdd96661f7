/** What an edit by hand changes of the mark rules, by what netfilter's tools print. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetfilterListing } from "../kernel/netfilter-rules.ts";
import { parseAddress } from "../model/address.ts";
import type { MarkRule } from "../model/plane.ts";
import { takeMarksOver } from "./netfilter-marks.ts";

const SERVICE = { mark: 1, address: parseAddress("0.0.0.0"), port: 0, protocol: "tcp" } as const;
const WEB = { ...SERVICE, mark: 0, address: parseAddress("192.0.2.1"), port: 80 };
const IN_FORCE: readonly MarkRule[] = [{ mark: 1, family: "ipv4", protocol: "udp" }];
const TCP: MarkRule = { mark: 1, family: "ipv4", protocol: "tcp" };

const listing =
  (rules: readonly string[], failures: readonly string[] = []) =>
  (): NetfilterListing => ({
    iptables: [{ family: "ipv4", name: "iptables", text: ["*mangle", ...rules, "COMMIT"].join("\n") }],
    nft: [],
    failures,
  });
const MARK = "-j MARK --set-xmark 0x1/0xffffffff";

test("what netfilter marks is taken over where it differs from what is in force", () => {
  const read = listing([`-A PREROUTING -p tcp ${MARK}`]);
  assert.deepEqual(takeMarksOver([SERVICE], IN_FORCE, read), {
    changes: [{ kind: "edit-marks", before: IN_FORCE, after: [TCP] }],
    warnings: [],
  });
  assert.deepEqual(takeMarksOver([SERVICE], [TCP], read), { changes: [], warnings: [] });
});

test("without a service by mark nothing is asked, and what was in force goes", () => {
  const never = () => assert.fail("nobody needs to know");
  assert.deepEqual(takeMarksOver([WEB], IN_FORCE, never), { changes: [{ kind: "edit-marks", before: IN_FORCE, after: [] }], warnings: [] });
});

test("an interface that is not there is left out", () => {
  const read = listing([`-A PREROUTING -i lo -p tcp ${MARK}`, `-A PREROUTING -i nowhere77 -p tcp ${MARK}`]);
  assert.deepEqual(takeMarksOver([SERVICE], [], read).changes, [
    { kind: "edit-marks", before: [], after: [{ ...TCP, interfaceName: "lo" }] },
  ]);
});

test("what is in force stays where it cannot be read or has no room, and that is told", () => {
  const { changes, warnings } = takeMarksOver([SERVICE], IN_FORCE, listing([], ["nft: it was killed"]));
  assert.deepEqual(changes, []);
  assert.deepEqual(warnings, ["netfilter's rules for marks cannot be read (nft: it was killed); those that were taken over before stay"]);
  const many = Array.from({ length: 300 }, (_, i) => `-A PREROUTING -p tcp -m tcp --dport ${1 + 2 * i} ${MARK}`);
  const full = takeMarksOver([SERVICE], IN_FORCE, listing(many));
  assert.deepEqual(full.changes, []);
  assert.match(full.warnings.join(), /they come to 300 mark rules, and there is room for 256$/);
});
