/** What a client sees of a cut: its next packet is answered with a reset by the director's host, and its next connection begins anew. */

import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { BpfPlane } from "../src/director/bpf-plane.ts";
import { PacketPath } from "../src/director/packet-path.ts";
import { inNamespace } from "../src/kernel/namespace.ts";
import { namespaceFile, spawnInside } from "../src/lab/commands.ts";
import { down, up } from "../src/lab/lab.ts";
import { ADDRESSES, namespaceOf, PORTS } from "../src/lab/topology.ts";
import { sendHttp } from "../src/lab/traffic.ts";
import type { VirtualService } from "../src/model/service.ts";
import { need } from "./need.ts";

/** Connects, says so, and with a line on its input sends the rest of its request; the end is its last word. */
const CLIENT = `
const socket = require("node:net").connect(Number(process.argv[2]), process.argv[1], () => {
  socket.write("GET / HTTP/1.1\\r\\n");
  console.log("connected");
});
process.stdin.once("data", () => socket.write("host: x\\r\\nconnection: close\\r\\n\\r\\n"));
let answer = "";
socket.on("data", (piece) => (answer += piece));
const end = (word) => { console.log(word); process.exit(); };
socket.on("error", (error) => end(error.code));
socket.on("end", () => end(answer.slice(0, 15)));
`;

interface Client {
  goOn(): Promise<string>;
}

async function connected(t: TestContext, lab: string, address: string): Promise<Client> {
  const command = [process.execPath, "-e", CLIENT, address, String(PORTS.http)];
  const child = spawnInside(lab, namespaceOf(lab, "client"), command, { stdio: ["pipe", "pipe", "inherit"] });
  t.after(() => child.kill());
  const { stdin, stdout } = child;
  assert.ok(stdin !== null && stdout !== null);
  const words = createInterface(stdout)[Symbol.asyncIterator]();
  assert.equal((await words.next()).value, "connected");
  return {
    async goOn() {
      stdin.write("go\n");
      return String((await words.next()).value);
    },
  };
}

for (const method of ["nat", "dr", "tun"] as const)
  test(`${method}: a client whose connection was cut is reset at once, the others are served, and it may come again`, {
    timeout: 60_000,
  }, async (t) => {
    if (!need(t, "root", "bpf", "command:ip")) return;
    const lab = await up({ name: `cut${process.pid % 10_000}${method}`, method, servers: 2 });
    t.after(() => down(lab.name, { waitMs: 30_000 }));
    const path = inNamespace(namespaceFile(namespaceOf(lab.name, "director")), () => PacketPath.open());
    assert.ok(path !== undefined);
    const plane = new BpfPlane(path);
    t.after(() => plane.close());
    for (const family of ["ipv4", "ipv6"] as const) {
      const vip = ADDRESSES.vip[family];
      // Round robin: two each.
      const clients: Client[] = [];
      for (let i = 0; i < 4; i++) clients.push(await connected(t, lab.name, vip));
      const service = plane.read().services.find(isAt(family));
      const [server] = service?.servers ?? [];
      assert.ok(service !== undefined && server !== undefined);
      assert.equal(await plane.cutConnections({ service, server, what: "all" }), 2);
      const words = await Promise.all(clients.map((client) => client.goOn()));
      assert.deepEqual(words.toSorted(), ["ECONNRESET", "ECONNRESET", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]);
      assert.equal((await sendHttp({ ...lab, family }, { requests: 20 })).failed, 0);
    }
  });

function isAt(family: "ipv4" | "ipv6"): (service: VirtualService) => boolean {
  return ({ address, port, protocol }) => address.family === family && port === PORTS.http && protocol === "tcp";
}
