import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../model/address.ts";
import type { SyncDaemon } from "../model/edit.ts";
import { messageLength } from "./message-length.ts";

const daemon = (role: SyncDaemon["role"], facts: Partial<SyncDaemon> = {}): SyncDaemon => {
  return { role, interfaceName: "eth0", syncId: 0, group: parseAddress("224.0.0.81"), port: 8848, ttl: 1, ...facts };
};
const IPV6 = { group: parseAddress("ff02::81") };

test("a master's messages fit into Ethernet, whatever its interface has room for", () => {
  for (const mtu of [576, 1500, 9000, 65_536]) assert.equal(messageLength(daemon("master"), mtu), 1472);
  assert.equal(messageLength(daemon("master", IPV6), 9000), 1452);
});
test("a backup takes what its interface can bring, Ethernet's at least and a packet's at most", () => {
  assert.equal(messageLength(daemon("backup"), 9000), 8972);
  assert.equal(messageLength(daemon("backup"), 576), 1472);
  assert.equal(messageLength(daemon("backup"), 65_536), 65_507);
  assert.equal(messageLength(daemon("backup", IPV6), 65_536), 65_487);
});
test("what is asked for is what it gets, as far as packets go, and a backup 1024 bytes at least", () => {
  assert.equal(messageLength(daemon("master", { maxLength: 1 }), 1500), 1);
  assert.equal(messageLength(daemon("master", { maxLength: 9000 }), 1500), 9000);
  assert.equal(messageLength(daemon("master", { maxLength: 65_535 }), 1500), 65_507);
  assert.equal(messageLength(daemon("backup", { maxLength: 500 }), 1500), 1024);
  assert.equal(messageLength(daemon("backup", { maxLength: 1400 }), 65_536), 1400);
});
