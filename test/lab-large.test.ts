/** What is larger than a frame, with nothing but defaults: datagrams that travel in fragments, and uploads through a tunnel that makes packets longer. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { down, setMethod, up } from "../src/lab/lab.ts";
import { sendBulk, sendUdp } from "../src/lab/traffic.ts";
import { need } from "./need.ts";

const DATAGRAM_BYTES = 4_000;
const UPLOAD_BYTES = 50e6;

test("datagrams of 4,000 bytes reach a server and come back, whole, by every method and family", { timeout: 120_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool")) return;
  const lab = await up({ name: "large" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  for (const method of ["nat", "dr", "tun"] as const) {
    if (method !== lab.method) await setMethod(lab.name, method);
    for (const family of ["ipv4", "ipv6"] as const) {
      const wishes = { bytes: DATAGRAM_BYTES, patienceMs: 10_000 };
      // An IPv6 sender cuts its packets itself: the first one through a tunnel tells it how small (RFC 8200 5).
      if (method === "tun") await sendUdp({ ...lab, family }, { ...wishes, requests: 1 });
      const { failed, errors, servers } = await sendUdp({ ...lab, family }, { ...wishes, requests: 30 });
      assert.deepEqual([failed, errors], [0, {}], `${method} over ${family}`);
      assert.deepEqual(Object.keys(servers), ["rs1", "rs2", "rs3"], `${method} over ${family}`);
    }
  }
});

test("50 MB go up through a tunnel, every byte in its place", { timeout: 120_000 }, async (t) => {
  if (!need(t, "root", "command:ip", "command:ethtool")) return;
  const lab = await up({ name: "upload", method: "tun" });
  t.after(() => down(lab.name, { waitMs: 30_000 }));
  for (const family of ["ipv4", "ipv6"] as const) {
    const { intact, seconds, error } = await sendBulk({ ...lab, family }, { direction: "up", bytes: UPLOAD_BYTES });
    t.diagnostic(`50 MB over ${family} in ${seconds} s`);
    assert.ok(intact, `${family}: ${error ?? "damaged"}`);
  }
});
