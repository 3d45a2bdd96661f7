import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../model/address.ts";
import type { Edit, ServiceName, SyncDaemon } from "../model/edit.ts";
import { EvenkeelError } from "../model/error.ts";
import { type ActualState, type Change, DEFAULT_SETTINGS, type ServiceHead } from "../model/plane.ts";
import { type RealServer, serverName, serviceName, type VirtualService } from "../model/service.ts";
import { describeChange } from "./describe-change.ts";
import { headOf } from "./diff.ts";
import { type Judged, type JudgeOptions, judgeEdits } from "./edits.ts";

const server = (host: number, facts: Partial<RealServer> = {}): RealServer => ({
  address: parseAddress(`10.0.0.${host}`),
  port: 80,
  weight: 1,
  method: "nat",
  ...facts,
});
const head = (port: number, facts: Partial<ServiceHead> = {}): ServiceHead => ({
  address: parseAddress("192.0.2.1"),
  port,
  protocol: "tcp",
  scheduler: "rr",
  ...facts,
});
const service = (port: number, ...servers: RealServer[]): VirtualService => ({ ...head(port), servers });
const holding = (...services: VirtualService[]): ActualState => ({ services, attachments: [] });
const daemon = (facts: Partial<SyncDaemon> = {}): SyncDaemon => ({
  role: "master",
  interfaceName: "eth0",
  syncId: 0,
  group: parseAddress("224.0.0.81"),
  port: 8848,
  ttl: 1,
  ...facts,
});
const addServer = (port: number, added: RealServer): Edit => ({ kind: "add-server", service: head(port), server: added });
const addService = (port: number, facts: Partial<ServiceHead> = {}): Edit => ({ kind: "add-service", service: head(port, facts) });

const judge = (state: ActualState, edits: readonly Edit[], options: Partial<JudgeOptions> = {}): Judged =>
  judgeEdits(edits, state, { interfaceMtu: () => 1500, ...options });
const lines = (judged: Judged): string[] => judged.changes.map(describeChange);
const codes = (judged: Judged): string[] => judged.refused.map(({ index, error }) => `${index} ${error.code}`);

describe("judgeEdits() on its own", () => {
  test("makes each edit a change of the data plane", () => {
    const state = holding(service(80, server(1), server(2)), service(81));
    const edits: Edit[] = [
      addService(82),
      { kind: "edit-service", service: head(80, { scheduler: "wlc", persistence: { timeoutSeconds: 60 } }) },
      { kind: "delete-service", service: head(81) },
      addServer(80, server(3)),
      { kind: "edit-server", service: head(80), server: server(1, { weight: 0, method: "dr" }) },
      { kind: "delete-server", service: head(80), server: server(2) },
      { kind: "set-timeouts", timeouts: { tcpFin: 5 } },
    ];
    const judged = judge(state, edits);
    assert.deepEqual(lines(judged), [
      "add service tcp 192.0.2.1:82 scheduler rr, servers: none",
      "edit service tcp 192.0.2.1:80: scheduler rr -> wlc, persistence none -> 60 s",
      "delete service tcp 192.0.2.1:81",
      "add server 10.0.0.3:80 nat weight 1 to tcp 192.0.2.1:80",
      "edit server 10.0.0.1:80 of tcp 192.0.2.1:80: weight 1 -> 0, method nat -> dr",
      "delete server 10.0.0.2:80 from tcp 192.0.2.1:80",
      "edit settings: timeout tcp_fin 120 s -> 5 s",
    ]);
    assert.deepEqual([judged.refused, judged.resets], [[], []]);
    assert.deepEqual(judged.services, [
      {
        ...service(80, server(1, { weight: 0, method: "dr" }), server(3)),
        scheduler: "wlc",
        persistence: { timeoutSeconds: 60 },
      },
      service(82),
    ]);
  });

  test("keeps of an edited service what ipvsadm has no word for, and drops what the edit does not say again", () => {
    const kept = { fullNat: parseAddress("10.0.0.254"), sloppy: true, timeouts: { tcp: 5 } } as const;
    const before = { ...head(80, { ...kept, persistence: { timeoutSeconds: 9 }, schedulerFlags: ["port"] }), servers: [server(1)] };
    const { services } = judge(holding(before), [{ kind: "edit-service", service: head(80, { scheduler: "sh" }) }]);
    assert.deepEqual(services, [{ ...head(80, { ...kept, scheduler: "sh" }), servers: [server(1)] }]);
  });

  test("clears every service, and nothing else", () => {
    const state: ActualState = { ...holding(service(80, server(1)), service(81)), syncDaemons: [{ ...daemon(), maxLength: 1472 }] };
    const judged = judge(state, [{ kind: "clear" }]);
    assert.deepEqual(lines(judged), ["delete service tcp 192.0.2.1:80", "delete service tcp 192.0.2.1:81"]);
    assert.deepEqual(judged.services, []);
  });

  test("resets the counters of a service that is there, or of all", () => {
    const state = holding(service(80));
    const named: Edit = { kind: "reset-counters", service: head(80, { scheduler: "wlc" }) };
    assert.deepEqual(judge(state, [named, { kind: "reset-counters" }]).resets, [headOf(service(80)), "all"]);
    assert.deepEqual(judge(state, [{ kind: "reset-counters", service: head(81) }]).resets, []);
  });

  test("leaves a timeout as it is that is not said", () => {
    const settings = { ...DEFAULT_SETTINGS, timeouts: { tcp: 1, tcpFin: 2, udp: 3 }, expireNodest: true };
    const { changes } = judge({ ...holding(), settings }, [
      { kind: "set-timeouts", timeouts: { tcp: 30 } },
      { kind: "set-timeouts", timeouts: { udp: 60 } },
    ]);
    const last = changes.at(-1);
    assert.ok(last?.kind === "edit-settings");
    assert.deepEqual(last.after, { ...settings, timeouts: { tcp: 30, tcpFin: 2, udp: 60 } });
  });

  test("starts one sync daemon of each role, with the messages that its interface has room for, and stops it", () => {
    const asked: string[] = [];
    const interfaceMtu = (name: string): number => {
      asked.push(name);
      return 1600;
    };
    const start = (facts: Partial<SyncDaemon>): Edit => ({ kind: "start-daemon", daemon: daemon(facts) });
    const { changes } = judge(holding(), [start({}), start({ role: "backup" }), { kind: "stop-daemon", role: "master" }], {
      interfaceMtu,
    });
    const after = changes.map((change) => (change.kind === "edit-sync-daemons" ? change.after : []));
    const [master, backup] = [
      { ...daemon(), maxLength: 1472 },
      { ...daemon({ role: "backup" }), maxLength: 1572 },
    ];
    assert.deepEqual(after, [[master], [master, backup], [backup]]);
    assert.deepEqual(asked, [daemon().interfaceName, daemon().interfaceName]);
  });
});

describe("judgeEdits() refuses", () => {
  const state: ActualState = { ...holding(service(80, server(1)), service(81)), syncDaemons: [{ ...daemon(), maxLength: 1472 }] };
  const absent: ServiceName = head(9);
  const REFUSALS: readonly (readonly [what: string, edit: Edit, code: EvenkeelError["code"]])[] = [
    ["a service that is there", addService(80, { scheduler: "wlc" }), "SERVICE_EXISTS"],
    ["a server that is there, whatever else is said of it", addServer(80, server(1, { weight: 7, method: "dr" })), "SERVER_EXISTS"],
    ["an edit of a service that is not there", { kind: "edit-service", service: head(9) }, "NO_SUCH_SERVICE"],
    ["to delete a service that is not there", { kind: "delete-service", service: absent }, "NO_SUCH_SERVICE"],
    ["a server for a service that is not there", addServer(9, server(1)), "NO_SUCH_SERVICE"],
    ["an edited server of no service", { kind: "edit-server", service: absent, server: server(1) }, "NO_SUCH_SERVICE"],
    ["a deleted server of no service", { kind: "delete-server", service: absent, server: server(1) }, "NO_SUCH_SERVICE"],
    ["an edit of a server that is not there", { kind: "edit-server", service: head(81), server: server(1) }, "NO_SUCH_SERVER"],
    ["the same server at another port", { kind: "edit-server", service: head(80), server: server(1, { port: 81 }) }, "NO_SUCH_SERVER"],
    ["to delete a server that is not there", { kind: "delete-server", service: head(80), server: server(2) }, "NO_SUCH_SERVER"],
    ["to reset what is not there", { kind: "reset-counters", service: absent }, "NO_SUCH_SERVICE"],
    ["a lower threshold above the upper one", addServer(80, server(2, { lowerThreshold: 1 })), "OUT_OF_RANGE"],
    [
      "wrong thresholds before it looks for the server, as IPVS does",
      { kind: "edit-server", service: head(81), server: server(9, { upperThreshold: 1, lowerThreshold: 2 }) },
      "OUT_OF_RANGE",
    ],
    ["a second master", { kind: "start-daemon", daemon: daemon({ interfaceName: "eth1" }) }, "DAEMON_EXISTS"],
    ["to stop a daemon that does not run", { kind: "stop-daemon", role: "backup" }, "NO_SUCH_DAEMON"],
    ["a weight above 31 bits", addServer(80, server(2, { weight: 2 ** 31 })), "BAD_ARGUMENT"],
    [
      "a server of the other family that is not reached by a tunnel",
      addServer(80, server(2, { address: parseAddress("fd00::1") })),
      "BAD_ARGUMENT",
    ],
    ["a multicast server", addServer(80, server(2, { address: parseAddress("224.0.0.1") })), "BAD_ADDRESS"],
    ["a wrong server of a service that these edits add", addServer(82, server(2, { address: parseAddress("0.0.0.0") })), "BAD_ADDRESS"],
    [
      "an edit to what no service can be",
      { kind: "edit-service", service: head(80, { persistence: { timeoutSeconds: 0 } }) },
      "BAD_ARGUMENT",
    ],
  ];
  for (const [what, edit, code] of REFUSALS)
    test(`${what}, with ${code}, and then changes nothing`, () => {
      const judged = judge(state, [addService(82), edit, addService(83)]);
      assert.deepEqual(codes(judged), [`1 ${code}`]);
      assert.deepEqual([judged.changes, judged.resets], [[], []]);
      assert.deepEqual(judged.services, state.services);
    });

  test("what the interface of a sync daemon refuses", () => {
    const interfaceMtu = (): number => {
      throw new EvenkeelError("INTERFACE_MISSING", "there is no eth7");
    };
    assert.deepEqual(codes(judge(holding(), [{ kind: "start-daemon", daemon: daemon() }], { interfaceMtu })), ["0 INTERFACE_MISSING"]);
  });

  test("by what the edits before it have made", () => {
    const judged = judge(
      holding(),
      [
        addServer(80, server(1)),
        addService(80),
        addServer(80, server(1)),
        addServer(80, server(1)),
        { kind: "clear" },
        addServer(80, server(1)),
        addService(80),
        { kind: "delete-server", service: head(80), server: server(1) },
      ],
      { keepGoing: true },
    );
    assert.deepEqual(codes(judged), ["0 NO_SUCH_SERVICE", "3 SERVER_EXISTS", "5 NO_SUCH_SERVICE", "7 NO_SUCH_SERVER"]);
    assert.deepEqual(judged.services, [service(80)]);
  });

  test("to hide a bug: what is no EvenkeelError falls through", () => {
    const interfaceMtu = (): number => {
      throw new TypeError("a bug");
    };
    assert.throws(() => judge(holding(), [{ kind: "start-daemon", daemon: daemon() }], { interfaceMtu, keepGoing: true }), TypeError);
  });
});

describe("judgeEdits() with keepGoing", () => {
  test("passes over what is refused and tells of all of it, by its place", () => {
    const judged = judge(
      holding(service(80, server(1))),
      [addService(80), addServer(80, server(1)), addServer(80, server(2)), addServer(9, server(1)), addService(81)],
      { keepGoing: true },
    );
    assert.deepEqual(codes(judged), ["0 SERVICE_EXISTS", "1 SERVER_EXISTS", "3 NO_SUCH_SERVICE"]);
    assert.deepEqual(lines(judged), [
      "add server 10.0.0.2:80 nat weight 1 to tcp 192.0.2.1:80",
      "add service tcp 192.0.2.1:81 scheduler rr, servers: none",
    ]);
    assert.deepEqual(judged.services, [service(80, server(1), server(2)), service(81)]);
  });

  test("does not let a refused server into a service that these edits add", () => {
    const { changes, services } = judge(
      holding(),
      [addService(80), addServer(80, server(1)), addServer(80, server(2, { weight: -1 })), addServer(80, server(3))],
      { keepGoing: true },
    );
    assert.deepEqual(changes, [{ kind: "add-service", service: service(80, server(1), server(3)) }]);
    assert.deepEqual(services, [service(80, server(1), server(3))]);
  });
});

describe("judgeEdits() gathers", () => {
  test("servers into the service that they follow, also where services are mixed", () => {
    const { changes } = judge(holding(), [
      addService(80),
      addServer(80, server(1)),
      addService(81),
      addServer(81, server(1)),
      addServer(80, server(2)),
    ]);
    assert.deepEqual(changes, [
      { kind: "add-service", service: service(80, server(1), server(2)) },
      { kind: "add-service", service: service(81, server(1)) },
    ]);
  });

  test("none into a service that was there, or that has been edited since", () => {
    const edited: Edit = { kind: "edit-service", service: head(81, { scheduler: "wlc" }) };
    const { changes } = judge(holding(service(80)), [
      addServer(80, server(1)),
      addService(81),
      addServer(81, server(1)),
      edited,
      addServer(81, server(2)),
      addService(82),
      addServer(82, server(1)),
      { kind: "delete-server", service: head(82), server: server(1) },
      addServer(82, server(1, { weight: 2 })),
    ]);
    assert.deepEqual(
      changes.map(({ kind }) => kind),
      ["add-server", "add-service", "edit-service", "add-server", "add-service", "delete-server", "add-server"],
    );
  });

  test("none into a service of the same name that was deleted meanwhile", () => {
    const judged = judge(holding(), [
      addService(80),
      addServer(80, server(1)),
      { kind: "delete-service", service: head(80) },
      addService(80, { scheduler: "wlc" }),
      addServer(80, server(2)),
    ]);
    assert.deepEqual(judged.changes, [
      { kind: "add-service", service: service(80, server(1)) },
      { kind: "delete-service", service: head(80) },
      { kind: "add-service", service: { ...service(80, server(2)), scheduler: "wlc" } },
    ]);
    assert.deepEqual(judged.services, [{ ...service(80, server(2)), scheduler: "wlc" }]);
  });

  test("a thousand lines of twenty servers each into a thousand changes", () => {
    const edits = Array.from({ length: 1000 }, (_, port) => [
      addService(port + 1),
      ...Array.from({ length: 20 }, (_each, host) => addServer(port + 1, server(host + 1))),
    ]).flat();
    assert.equal(judge(holding(), edits).changes.length, 1000);
  });
});

/** Few names, so that edits meet. */
const services = fc.constantFrom(head(80), head(81), head(0, { address: parseAddress("0.0.0.0"), mark: 7 }));
const servers = fc.record({
  address: fc.constantFrom("10.0.0.1", "10.0.0.2").map(parseAddress),
  port: fc.constant(80),
  weight: fc.integer({ min: -1, max: 3 }),
  method: fc.constantFrom("nat" as const, "dr" as const),
});
const edits = fc.oneof(
  fc.record({ kind: fc.constantFrom("add-service" as const, "edit-service" as const, "delete-service" as const), service: services }),
  fc.record({
    kind: fc.constantFrom("add-server" as const, "edit-server" as const, "delete-server" as const),
    service: services,
    server: servers,
  }),
  fc.constant<Edit>({ kind: "clear" }),
);

describe("judgeEdits(), whatever the edits", () => {
  test("names changes that lead from what there was to what it says there is", () => {
    fc.assert(
      fc.property(fc.array(edits, { maxLength: 30 }), fc.array(edits, { maxLength: 30 }), (former, later) => {
        const state = holding(...judge(holding(), former, { keepGoing: true }).services);
        const judged = judge(state, later, { keepGoing: true });
        assert.deepEqual(played(state.services, judged.changes), judged.services);
      }),
    );
  });

  test("judges them together as one by one", () => {
    fc.assert(
      fc.property(fc.array(edits, { maxLength: 40 }), (all) => {
        const refused: string[] = [];
        let state = holding();
        for (const [index, edit] of all.entries()) {
          const judged = judge(state, [edit]);
          refused.push(...judged.refused.map(({ error }) => `${index} ${error.code}`));
          state = holding(...judged.services);
        }
        const together = judge(holding(), all, { keepGoing: true });
        assert.deepEqual(codes(together), refused);
        assert.deepEqual(together.services, state.services);
      }),
    );
  });
});

/** What a plane holds after these changes, in the simplest way that it can be said. */
function played(before: readonly VirtualService[], changes: readonly Change[]): VirtualService[] {
  const held = [...before];
  const at = (name: ServiceName): number => held.findIndex((each) => serviceName(each) === serviceName(name));
  const change = (name: ServiceName, alter: (present: VirtualService) => VirtualService): void => {
    const index = at(name);
    const present = held[index];
    assert.ok(present !== undefined);
    held[index] = alter(present);
  };
  for (const each of changes) {
    if (each.kind === "add-service") held.push(each.service);
    else if (each.kind === "delete-service") held.splice(at(each.service), 1);
    else if (each.kind === "edit-service") change(each.after, ({ servers: kept }) => ({ ...each.after, servers: kept }));
    else if (each.kind === "add-server") change(each.service, (one) => ({ ...one, servers: [...one.servers, each.server] }));
    else if (each.kind === "edit-server")
      change(each.service, (one) => ({
        ...one,
        servers: one.servers.map((other) => (serverName(other) === serverName(each.after) ? each.after : other)),
      }));
    else if (each.kind === "delete-server")
      change(each.service, (one) => ({ ...one, servers: one.servers.filter((other) => serverName(other) !== serverName(each.server)) }));
    else assert.fail(`a change that none of the edits asked for: ${each.kind}`);
  }
  return held;
}
