/** `evenkeel explain` as it is typed and read: its texts are in test/golden/explain, each under the line that was typed. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createNamespace, deleteNamespace, inNamespace } from "../src/kernel/namespace.ts";
import { type Address, parseAddress } from "../src/model/address.ts";
import { DEFAULT_SETTINGS } from "../src/model/plane.ts";
import type { SchedulerName, VirtualService } from "../src/model/service.ts";
import { advanceSeconds } from "./advance-clock.ts";
import { type Caller, send } from "./explain/cast.ts";
import { onStage } from "./explain/stage.ts";
import { need } from "./need.ts";
import { ACK, RST, server, service, VIPS } from "./packet-rows/cast.ts";
import { CLIENTS, type Stage } from "./packet-rows/stage.ts";

const NEEDS = ["root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth"] as const;
const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));
const GOLDEN = new URL("golden/explain/", import.meta.url);

/** Times are what they are. */
const TIME = /(\d+ h \d+ min|\d+ min \d+ s|\d+ s) (?=left|more|ago|$)/gm;

function explain(stage: Stage, ...args: readonly string[]) {
  return stage.inside(() => spawnSync(EVENKEEL, ["explain", ...args], { encoding: "utf8" }));
}

/** The client's packet, and those that follow it. */
function call(stage: Stage, facts: Partial<Caller> & { readonly followed?: readonly number[] } = {}): void {
  const { followed = [], ...rest } = facts;
  const caller: Caller = {
    protocol: "tcp",
    client: CLIENTS.ipv4,
    clientPort: 40_000,
    destination: { address: VIPS.ipv4, port: 80 },
    ...rest,
  };
  send(stage, caller);
  for (const flags of followed) send(stage, caller, flags);
}

const client = (n: number): Address => parseAddress(`198.51.100.${n}`);

/** One of each kind: weight 0, a threshold, and two that serve. */
const FOUR = [1, 2, 0, 3].map((weight, i) => server("ipv4", "nat", { n: i + 1, weight, ...(i === 1 ? { upperThreshold: 2 } : {}) }));
const web = service("ipv4", FOUR, { scheduler: "wlc" });
const sticky = { ...web, persistence: { timeoutSeconds: 300, clientMask: parseAddress("255.255.255.0") } };

const busy = (stage: Stage) => {
  for (let n = 1; n <= 9; n++) call(stage, { client: client(n), followed: n < 6 ? [ACK] : [ACK, RST] });
};

interface Case {
  readonly name: string;
  readonly services: readonly VirtualService[];
  readonly prepare?: (stage: Stage) => void;
  readonly status?: number;
}

const byScheduler = (["rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "dh", "mh", "lblc", "lblcr", "fo", "ovf", "twos"] as const).map(
  (scheduler: SchedulerName): Case => ({
    name: scheduler,
    services: [{ ...web, scheduler, schedulerFlags: scheduler === "sh" ? ["fallback"] : [] }],
    // What twos has drawn nobody knows.
    ...(scheduler === "twos" ? {} : { prepare: busy }),
    status: scheduler === "dh" ? 1 : 0,
  }),
);

const CASES: readonly Case[] = [
  ...byScheduler,
  { name: "connection", services: [web], prepare: (stage) => call(stage, { followed: [ACK] }) },
  { name: "connection-over", services: [web], prepare: (stage) => call(stage, { followed: [ACK, RST] }) },
  {
    name: "connection-of-deleted",
    services: [web],
    prepare: (stage) => {
      call(stage);
      stage.plane.apply({ kind: "delete-server", service: web, server: server("ipv4", "nat", { n: 4 }) });
    },
    status: 1,
  },
  { name: "template", services: [sticky], prepare: (stage) => call(stage, { client: client(99) }) },
  { name: "template-none", services: [sticky] },
  {
    name: "template-quiesced",
    services: [sticky],
    prepare: (stage) => {
      call(stage, { client: client(99) });
      const before = server("ipv4", "nat", { n: 4, weight: 3 });
      stage.plane.apply({ kind: "edit-server", service: sticky, before, after: { ...before, weight: 0 } });
      stage.plane.apply({ kind: "edit-settings", before: DEFAULT_SETTINGS, after: { ...DEFAULT_SETTINGS, expireQuiescentTemplate: true } });
    },
  },
  {
    name: "template-waits",
    services: [sticky],
    prepare: (stage) => {
      call(stage, { client: client(99), followed: [ACK] });
      advanceSeconds(stage.path, 400);
    },
  },
  {
    name: "mark",
    services: [{ ...web, address: parseAddress("0.0.0.0"), port: 0, mark: 7 }],
    prepare: (stage) => {
      const rules = [{ mark: 7, protocol: "tcp" as const, destination: { address: VIPS.ipv4, length: 32 }, interfaceName: "front" }];
      stage.plane.apply({ kind: "edit-marks", before: [], after: rules });
      stage.settle();
    },
    status: 1,
  },
  {
    name: "mark-of-rule",
    services: [{ ...web, address: parseAddress("0.0.0.0"), port: 0, mark: 7 }],
    prepare: (stage) => {
      stage.plane.apply({ kind: "edit-marks", before: [], after: [{ mark: 7, destination: { address: VIPS.ipv4, length: 32 } }] });
      stage.settle();
    },
  },
  { name: "mark-given", services: [{ ...web, address: parseAddress("::"), port: 0, mark: 7, servers: [server("ipv6", "dr")] }] },
  { name: "every-port", services: [{ ...sticky, port: 0, servers: FOUR.map((each) => ({ ...each, port: 0 })) }] },
  { name: "ipv6", services: [service("ipv6", [server("ipv6", "tun", { tunnel: { type: "gre" } })], { protocol: "udp", port: 53 })] },
  { name: "any-port", services: [{ ...web, scheduler: "mh", schedulerFlags: ["port", "fallback"] }] },
  { name: "no-service", services: [web], status: 1 },
  { name: "no-server", services: [{ ...web, servers: [] }], status: 1 },
];

describe("the text of", () => {
  for (const { name, services, prepare, status = 0 } of CASES) {
    test(name, (t) =>
      onStage(t, services, (stage) => {
        const file = new URL(`${name}.txt`, GOLDEN);
        const golden = readFileSync(file, "utf8");
        const [line = ""] = golden.split("\n", 1);
        prepare?.(stage);
        const { stdout, stderr, status: code } = explain(stage, ...line.replace(/^evenkeel explain /, "").split(" "));
        const said = `${line}\n${stderr}${stdout}`.replaceAll(TIME, "TIME ");
        if (process.env["WRITE_GOLDEN"]) writeFileSync(file, said);
        assert.equal(said, golden);
        assert.equal(code, status);
      }),
    );
  }
});

const WEB = ["--service", "tcp:192.0.2.1:80"] as const;

describe("the command", () => {
  test("answers programs in JSON", (t) =>
    onStage(t, [sticky], (stage) => {
      busy(stage);
      const { stdout, status } = explain(stage, ...WEB, "--from", "203.0.113.1:9", "-o", "json");
      assert.equal(status, 0);
      assert.deepEqual(JSON.parse(stdout), {
        answer: { server: "10.77.0.2:80", port: 80, method: "nat", by: "scheduler" },
        question: { protocol: "tcp", client: "203.0.113.1", clientPort: 9, destination: "192.0.2.1", port: 80 },
        service: { name: "tcp 192.0.2.1:80", by: "address and port", scheduler: "wlc", persistenceSeconds: 300 },
        scheduler: {
          name: "wlc",
          flags: [],
          chosen: "10.77.0.2:80",
          steady: true,
          agrees: true,
          servers: [
            {
              server: "10.77.0.4:80",
              method: "nat",
              weight: 3,
              active: 5,
              inactive: 4,
              overloaded: false,
              load: 1284,
              loadForWeight: 428,
            },
            { server: "10.77.0.3:80", method: "nat", weight: 0, active: 0, inactive: 0, overloaded: false, passedOver: "quiesced" },
            { server: "10.77.0.2:80", method: "nat", weight: 2, active: 0, inactive: 0, overloaded: false, load: 0, loadForWeight: 0 },
            { server: "10.77.0.1:80", method: "nat", weight: 1, active: 0, inactive: 0, overloaded: false, load: 0, loadForWeight: 0 },
          ],
        },
      });
    }));

  test("tells programs of the connection and of the template too", (t) =>
    onStage(t, [sticky], (stage) => {
      call(stage, { followed: [ACK] });
      const json = (from: string) => JSON.parse(explain(stage, ...WEB, "--from", from, "-o", "json").stdout);
      const { answer, connection } = json("198.51.100.7:40000");
      const { expiresSeconds, ...rest } = connection;
      assert.ok(expiresSeconds > 890 && expiresSeconds < 902);
      assert.deepEqual(rest, { server: "10.77.0.4:80", method: "nat", state: "ESTABLISHED", active: true, goesOn: true });
      assert.equal(answer.by, "connection");
      const { template, scheduler, answer: led } = json("198.51.100.8");
      assert.deepEqual({ ...template, expiresSeconds: 0 }, { server: "10.77.0.4:80", expiresSeconds: 0, connections: 1, leads: true });
      assert.deepEqual([led.by, scheduler], ["template", undefined]);
    }));

  test("tells programs what becomes of a packet without a server", (t) =>
    onStage(t, [], (stage) => {
      const { stdout, status } = explain(stage, ...WEB, "--from", "198.51.100.7", "-o", "json");
      assert.deepEqual(JSON.parse(stdout).answer, {
        server: null,
        outcome: "PASS_NO_SERVICE",
        meaning: "left to the host: for no virtual service, and no reply of one",
      });
      assert.equal(status, 1);
    }));

  test("says where a packet path is missing", (t) => {
    if (!need(t, ...NEEDS)) return;
    const name = `evenkeel-nothing-${process.pid}`;
    const namespace = createNamespace(name);
    try {
      const { stderr, stdout, status } = inNamespace(namespace, () =>
        spawnSync(EVENKEEL, ["explain", ...WEB, "--from", "198.51.100.7"], { encoding: "utf8" }),
      );
      assert.deepEqual(
        [stderr, stdout, status],
        ["evenkeel: no packet path in this network namespace\n  cure: evenkeel apply FILE makes one\n", "", 1],
      );
    } finally {
      deleteNamespace(name);
    }
  });

  test("is not for everybody", (t) => {
    if (!need(t, "root")) return;
    const { stderr, status } = spawnSync(
      "setpriv",
      ["--bounding-set=-all", "--inh-caps=-all", EVENKEEL, "explain", ...WEB, "--from", "198.51.100.7"],
      {
        encoding: "utf8",
      },
    );
    assert.match(stderr, /^evenkeel: cannot ask the packet path: this process lacks CAP_NET_ADMIN/);
    assert.equal(status, 5);
  });

  test("explains itself", () => {
    const { stdout, status } = spawnSync(EVENKEEL, ["explain", "--help"], { encoding: "utf8" });
    assert.match(stdout, /^Usage: evenkeel explain \[options\]\n/);
    assert.match(stdout, /evenkeel explain --service tcp:192\.0\.2\.1:80 --from 198\.51\.100\.7\n/);
    assert.match(stdout, /Exit codes: 0 there is a server, 1 there is none or no packet path, 2 wrong usage, 5 not permitted/);
    assert.equal(status, 0);
  });

  for (const [args, says] of [
    [[], "evenkeel: required option '--service <service>' not specified\n(--help tells more)\n"],
    [[...WEB], "evenkeel: required option '--from <client>' not specified\n(--help tells more)\n"],
    [
      [...WEB, "--from", "198.51.100.256"],
      'evenkeel: --from 198.51.100.256: "198.51.100.256" is not an IPv4 or IPv6 address\n  cure: give ADDRESS or ADDRESS:PORT, IPv6 with a port in brackets\n',
    ],
    [
      ["--service", "tcp:192.0.2.1", "--from", "198.51.100.7"],
      "evenkeel: --service tcp:192.0.2.1 at character 14: the port is missing\n  cure: give tcp:ADDRESS:PORT, udp:... or sctp:..., IPv6 in brackets; or mark:NUMBER, mark:NUMBER:ipv6\n",
    ],
  ] as const) {
    test(`refuses ${args.join(" ") || "nothing at all"} as wrong usage`, () => {
      const { stderr, stdout, status } = spawnSync(EVENKEEL, ["explain", ...args], { encoding: "utf8" });
      assert.deepEqual([stderr, stdout, status], [says, "", 2]);
    });
  }
});
