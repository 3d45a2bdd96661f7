/** Edits by hand of the packet path that stands: the first one makes it, all of them are made or none, and it listens wherever packets come. */

import assert from "node:assert/strict";
import { renameSync, rmSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { requireConfiguration } from "../src/config/parse.ts";
import { applyConfiguration, inspect } from "../src/director/apply.ts";
import { editPacketPath } from "../src/director/edit.ts";
import { PacketPath } from "../src/director/packet-path.ts";
import { addLink, changeLink, deleteLink, getLink } from "../src/kernel/links.ts";
import { pinDirectory } from "../src/kernel/pins.ts";
import { addressFromBytes, parseAddress } from "../src/model/address.ts";
import type { Edit } from "../src/model/edit.ts";
import { type EditOptions, EditRefused } from "../src/model/edit-refused.ts";
import { EvenkeelError } from "../src/model/error.ts";
import type { ActualState, ServiceHead } from "../src/model/plane.ts";
import { type RealServer, serverName, serviceName } from "../src/model/service.ts";
import { MAPS, serverCodec } from "../src/wire/abi.ts";
import { addDevice, OwnNamespace } from "./ipvsadm/own-namespace.ts";
import { need } from "./need.ts";

const head = (port: number, facts: Partial<ServiceHead> = {}): ServiceHead => ({
  address: parseAddress("192.0.2.1"),
  port,
  protocol: "tcp",
  scheduler: "wlc",
  ...facts,
});
const server = (host: number, facts: Partial<RealServer> = {}): RealServer => ({
  address: addressFromBytes(Uint8Array.of(10, 77, host >> 8, host & 255)),
  port: 80,
  weight: 1,
  method: "nat",
  ...facts,
});
const addService = (port: number, facts?: Partial<ServiceHead>): Edit => ({ kind: "add-service", service: head(port, facts) });
const addServer = (port: number, added: RealServer): Edit => ({ kind: "add-server", service: head(port), server: added });

/** A test in a namespace of its own with eth0; not at all where that cannot be. */
function hand(promise: string, body: (t: TestContext) => Promise<void>, timeout = 30_000): void {
  test(promise, { timeout }, async (t) => {
    if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
    const namespace = OwnNamespace.make();
    try {
      addDevice("eth0");
      await body(t);
    } finally {
      await namespace.leave();
    }
  });
}

const state = async (): Promise<ActualState | undefined> => inspect((plane) => plane.read());
/** "tcp 192.0.2.1:80 wlc: 10.77.0.1:80*1", a line each. */
const lines = async (): Promise<readonly string[] | undefined> =>
  (await state())?.services.map(
    (service) =>
      `${serviceName(service)} ${service.scheduler}:${service.servers.map((each) => ` ${serverName(each)}*${each.weight}`).join("")}`,
  );
const listensOn = async (): Promise<readonly string[]> =>
  ((await state())?.attachments ?? []).map(({ interfaceName }) => interfaceName).toSorted();

async function refused(edits: readonly Edit[], options?: EditOptions): Promise<string> {
  try {
    await editPacketPath(edits, options);
  } catch (error) {
    if (error instanceof EditRefused) return `${error.refusal.index} ${error.refusal.error.code}`;
    if (error instanceof EvenkeelError) return error.code;
    throw error;
  }
  return "";
}

hand("The first service makes the packet path, and what needs one is refused without one", async () => {
  assert.equal(await refused([{ kind: "delete-service", service: head(80) }]), "0 NO_SUCH_SERVICE");
  assert.equal(await refused([addServer(80, server(1))]), "0 NO_SUCH_SERVICE");
  assert.equal(await refused([addService(80), addService(80)]), "1 SERVICE_EXISTS");
  assert.deepEqual(await editPacketPath([{ kind: "clear" }, { kind: "reset-counters" }]), { refused: [], warnings: [] });
  assert.equal(await state(), undefined, "none of these made one");
  await editPacketPath([addService(80)]);
  assert.deepEqual(await lines(), ["tcp 192.0.2.1:80 wlc:"]);
});

hand("Timeouts and a sync daemon are kept before the first service, and nothing is listened on for them", async () => {
  await editPacketPath([{ kind: "set-timeouts", timeouts: { tcp: 30 } }]);
  const group = parseAddress("224.0.0.81");
  await editPacketPath([{ kind: "start-daemon", daemon: { role: "master", interfaceName: "eth0", syncId: 7, group, port: 8848, ttl: 1 } }]);
  const standing = await state();
  assert.deepEqual(standing?.settings?.timeouts, { tcp: 30, tcpFin: 120, udp: 300 });
  assert.equal(standing.syncDaemons?.[0]?.maxLength, 1472);
  assert.deepEqual(await listensOn(), []);
  await editPacketPath([addService(80)]);
  assert.deepEqual(await listensOn(), ["eth0", "eth0-end"]);
});

hand("It listens on every interface with Ethernet addresses, on those that come later from the next call on", async () => {
  await editPacketPath([addService(80)]);
  assert.deepEqual(await listensOn(), ["eth0", "eth0-end"]);
  addDevice("eth1");
  addLink({ kind: "bridge", name: "lan" });
  changeLink("eth1-end", { masterIndex: getLink("lan").index });
  await editPacketPath([addServer(80, server(1))]);
  assert.deepEqual(await listensOn(), ["eth0", "eth0-end", "eth1", "lan"], "a bridge's port hands its frames on");
  deleteLink("eth1");
  await editPacketPath([addServer(80, server(2))]);
  assert.deepEqual(await listensOn(), ["eth0", "eth0-end", "lan"]);
});

hand(
  "A file that could not be applied leaves it listening on interfaces that come later; one that was applied says itself where",
  async () => {
    await editPacketPath([addService(80)]);
    addLink({ kind: "bridge", name: "lan" });
    changeLink("lan", { up: true });
    const file = (hook: string) =>
      `{ settings: { marks_from_outside: true }, interfaces: [{ name: lan, hook: ${hook} }], services: [{ mark: 7, scheduler: rr, method: dr, servers: [] }] }`;
    const apply = (hook: string) => {
      const { configuration, source } = requireConfiguration(Buffer.from(file(hook)), "file");
      return applyConfiguration(configuration, source);
    };
    await assert.rejects(apply("xdp"), /cannot attach to lan in native XDP mode/);
    addDevice("late");
    await editPacketPath([addServer(80, server(1))]);
    assert.deepEqual(await listensOn(), ["eth0", "eth0-end", "lan", "late", "late-end"]);
    await apply("tc");
    addDevice("later");
    await editPacketPath([addService(81)]);
    assert.deepEqual(await listensOn(), ["lan"]);
  },
);

hand("Beside another packet path that it cannot see it makes none, and says where that is", async (t) => {
  await editPacketPath([addService(80)]);
  const place = pinDirectory().path;
  const hidden = place.replace("/net-", "/hidden-");
  renameSync(place, hidden);
  t.after(() => rmSync(hidden, { recursive: true, force: true }));
  await assert.rejects(editPacketPath([addService(81)]), {
    code: "ALREADY_ATTACHED",
    message: /no interface of this network namespace can be listened on: .* another tc program/,
  });
  assert.equal(PacketPath.open(), undefined);
  renameSync(hidden, place);
  assert.deepEqual(await lines(), ["tcp 192.0.2.1:80 wlc:"]);
});

hand("A refused edit says which, and none of the others is made", async () => {
  await editPacketPath([addService(80), addServer(80, server(1))]);
  const before = await state();
  const edits: Edit[] = [
    addService(81),
    { kind: "clear" },
    { kind: "set-timeouts", timeouts: { udp: 5 } },
    { kind: "delete-server", service: head(80), server: server(9) },
    addService(82),
  ];
  assert.equal(await refused(edits), "3 NO_SUCH_SERVICE");
  assert.equal(await refused(edits, { replace: true }), "3 NO_SUCH_SERVICE");
  assert.deepEqual(await state(), before);
});

hand("With keepGoing what is refused is told, and the rest is made", async () => {
  const { refused: told } = await editPacketPath([addService(80), addService(80), addServer(81, server(1)), addServer(80, server(1))], {
    keepGoing: true,
  });
  assert.deepEqual(
    told.map(({ index, error }) => `${index} ${error.code}`),
    ["1 SERVICE_EXISTS", "2 NO_SUCH_SERVICE"],
  );
  assert.deepEqual(await lines(), ["tcp 192.0.2.1:80 wlc: 10.77.0.1:80*1"]);
});

hand("With replace others go and what is equal is not touched", async () => {
  await editPacketPath([
    addService(80),
    addServer(80, server(1)),
    addServer(80, server(2)),
    addService(81),
    addServer(81, server(1)),
    addService(82),
  ]);
  const plans = () => inspect((plane) => [80, 81].map((port) => plane.planOf(head(port))));
  const [same, other] = (await plans()) ?? [];
  await editPacketPath(
    [
      addService(81),
      addServer(81, server(1, { weight: 5 })),
      addServer(81, server(3)),
      addService(80),
      addServer(80, server(1)),
      addServer(80, server(2)),
      addService(83, { scheduler: "rr" }),
      { kind: "set-timeouts", timeouts: { tcp: 77 } },
    ],
    { replace: true },
  );
  assert.deepEqual(await lines(), [
    "tcp 192.0.2.1:80 wlc: 10.77.0.1:80*1 10.77.0.2:80*1",
    "tcp 192.0.2.1:81 wlc: 10.77.0.1:80*5 10.77.0.3:80*1",
    "tcp 192.0.2.1:83 rr:",
  ]);
  const after = (await plans()) ?? [];
  assert.equal(after[0], same);
  assert.notEqual(after[1], other);
  assert.equal((await state())?.settings?.timeouts.tcp, 77);
  await editPacketPath([], { replace: true });
  assert.deepEqual(await lines(), []);
});

hand("An edit of a server that was cut short before its weight came into the plan is finished by the next", async () => {
  await editPacketPath([addService(80), addServer(80, server(1))]);
  writeWeight(7);
  assert.deepEqual(await lines(), ["tcp 192.0.2.1:80 wlc: 10.77.0.1:80*7"]);
  assert.deepEqual(plannedWeights(), [1]);
  await editPacketPath([addService(81)]);
  assert.deepEqual(plannedWeights(), [7]);
});

/** As much of an edit as a killed process may have done: of the only server. */
function writeWeight(weight: number): void {
  withPath(({ servers }) => servers.view.setUint32(serverCodec.offsets.weight, weight, true));
}

function plannedWeights(): number[] {
  return withPath(({ maps, candidates }) =>
    [...maps.services.entries()]
      .filter(([{ port }]) => port === 80)
      .map(([, { plan }]) => candidates.read(maps.plans.lookup(plan)?.first ?? -1).weight),
  );
}

function withPath<T>(work: (path: PacketPath) => T): T {
  const path = PacketPath.open();
  assert.ok(path !== undefined);
  try {
    return work(path);
  } finally {
    path.close();
  }
}

hand(
  "Where the first edits cannot be made there is no packet path afterwards",
  async () => {
    const all = Array.from({ length: MAPS.services.maxEntries + 1 }, (_, port) => addService(port + 1));
    assert.equal(await refused(all), "LIMIT_REACHED");
    assert.equal(await state(), undefined);
  },
  60_000,
);

const PER_SERVICE = 512;
/** As many servers as the packet path has room for, where there is none yet. */
const fill: readonly Edit[] = Array.from({ length: MAPS.servers.maxEntries / PER_SERVICE }, (_, i) => [
  addService(i + 1),
  ...Array.from({ length: PER_SERVICE }, (_each, host) => addServer(i + 1, server(host + 1))),
]).flat();

/** Without assert: to tell thirty thousand servers from two it takes more memory than there is. */
const isAs = async (before: ActualState | undefined): Promise<boolean> => isDeepStrictEqual(await state(), before);

/** Two servers and a way to change all that can be. */
const standing: readonly Edit[] = [
  addService(65_535),
  addServer(65_535, server(1)),
  addServer(65_535, server(2, { weight: 7, method: "dr", port: 65_535 })),
  { kind: "set-timeouts", timeouts: { tcp: 33 } },
];
const changing: readonly Edit[] = [
  { kind: "edit-server", service: head(65_535), server: server(1, { weight: 0 }) },
  { kind: "edit-service", service: head(65_535, { scheduler: "rr", persistence: { timeoutSeconds: 60 } }) },
  { kind: "delete-server", service: head(65_535), server: server(2, { port: 65_535 }) },
  { kind: "set-timeouts", timeouts: { tcp: 1 } },
];

hand(
  "What there is no room for is refused before anything is changed",
  async () => {
    await editPacketPath(standing);
    const before = await state();
    assert.equal(await refused([...changing, ...fill]), "LIMIT_REACHED");
    assert.ok(await isAs(before));
  },
  60_000,
);

hand(
  "What there is no room for on the way is taken back, all of it, and its room is free again",
  async () => {
    await editPacketPath(standing);
    const before = await state();
    // To the last place: the server that was deleted finds none when it comes back, before another goes.
    const oneTooMany: Edit[] = [addService(60_000), addServer(60_000, server(1))];
    assert.equal(await refused([...changing, ...fill.slice(0, -1), ...oneTooMany, { kind: "clear" }]), "LIMIT_REACHED");
    assert.ok(await isAs(before));
    await editPacketPath(fill.slice(0, 3 * (PER_SERVICE + 1)));
    assert.equal((await state())?.services.length, 4);
  },
  60_000,
);
