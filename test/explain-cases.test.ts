/** What `evenkeel explain` says, case by case: connections, persistence, marks, services, servers that do not serve. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { explanationText } from "../src/cli/explain/text.ts";
import type { Question } from "../src/director/explanation.ts";
import { parseAddress } from "../src/model/address.ts";
import type { MarkRule } from "../src/model/plane.ts";
import { serverName } from "../src/model/service.ts";
import { advanceSeconds } from "./advance-clock.ts";
import { ask, type Caller, explained, send } from "./explain/cast.ts";
import { onStage, settings } from "./explain/stage.ts";
import { ACK, FAMILIES, RST, server, service, VIPS } from "./packet-rows/cast.ts";
import { CLIENTS, type Stage } from "./packet-rows/stage.ts";

function marks(stage: Stage, after: readonly MarkRule[]): void {
  stage.plane.apply({ kind: "edit-marks", before: stage.plane.read().marks ?? [], after });
  stage.settle();
}

const caller = (facts: Partial<Caller> = {}): Caller => ({
  protocol: "tcp",
  client: CLIENTS.ipv4,
  clientPort: 40_000,
  destination: { address: VIPS.ipv4, port: 80 },
  ...facts,
});

const anyPort = ({ protocol, client, destination }: Caller): Question => ({ protocol, client, destination });

const three = [1, 2, 3].map((n) => server("ipv4", "nat", { n }));
const web = service("ipv4", three);
const sticky = { ...web, persistence: { timeoutSeconds: 300, clientMask: parseAddress("255.255.255.0") } };
/** The first that rr gives. */
const third = server("ipv4", "nat", { n: 3 });

/** What is explained is what happens. */
function comesTrue(stage: Stage, one: Caller): string | undefined {
  const explanation = ask(stage, one);
  const said = explained(explanation);
  assert.equal(explanation.choice?.agrees ?? true, true);
  assert.equal(send(stage, one), said);
  return said;
}

describe("a connection that stands", () => {
  test("goes on with its server, whatever the scheduler would say", (t) =>
    onStage(t, [web], (stage) => {
      send(stage, caller());
      send(stage, caller(), ACK);
      send(stage, caller({ clientPort: 40_001 }));
      const { connection, service: met, end } = ask(stage, caller());
      assert.equal(connection?.connection.state, "ESTABLISHED");
      assert.equal(connection.givesWay, undefined);
      assert.ok(connection.connection.expiresMs > 890_000);
      assert.deepEqual([end.kind, met], ["server", undefined]);
      assert.equal(comesTrue(stage, caller()), "10.77.0.3:80");
    }));

  test("is not looked for without the client's port", (t) =>
    onStage(t, [web], (stage) => {
      send(stage, caller());
      const { connection, choice } = ask(stage, anyPort(caller()));
      assert.equal(connection, undefined);
      assert.equal(choice?.chosen === undefined ? undefined : serverName(choice.chosen.server), "10.77.0.2:80");
    }));

  test("gives way when it is over, and only if conn_reuse_mode says so", (t) =>
    onStage(t, [web], (stage) => {
      send(stage, caller());
      send(stage, caller(), ACK);
      send(stage, caller(), RST);
      assert.equal(ask(stage, caller()).connection?.givesWay, "over");
      assert.equal(ask(stage, caller()).connection?.connection.state, "CLOSE");
      settings(stage, { connectionReuse: 0 });
      assert.equal(ask(stage, caller()).connection?.givesWay, undefined);
      comesTrue(stage, caller());
      settings(stage, {});
      for (const flags of [ACK, RST]) send(stage, caller(), flags);
      assert.equal(comesTrue(stage, caller()), "10.77.0.2:80");
    }));

  test("of a quiesced server gives way with expire_nodest_conn", (t) =>
    onStage(t, [web], (stage) => {
      assert.equal(send(stage, caller()), "10.77.0.3:80");
      stage.plane.apply({ kind: "edit-server", service: web, before: third, after: { ...third, weight: 0 } });
      assert.equal(ask(stage, caller()).connection?.givesWay, undefined);
      settings(stage, { expireNodest: true });
      assert.equal(ask(stage, caller()).connection?.givesWay, "quiesced");
      assert.equal(comesTrue(stage, caller()), "10.77.0.2:80");
    }));

  test("of a deleted server is dropped, or gives way with expire_nodest_conn", (t) =>
    onStage(t, [web], (stage) => {
      assert.equal(send(stage, caller()), "10.77.0.3:80");
      stage.plane.apply({ kind: "delete-server", service: web, server: third });
      const { connection, end } = ask(stage, caller());
      assert.deepEqual(
        [connection?.to.deleted, connection?.givesWay, end],
        [true, undefined, { kind: "none", outcome: "DROP_SERVER_GONE" }],
      );
      comesTrue(stage, caller());
      settings(stage, { expireNodest: true });
      assert.equal(ask(stage, caller()).connection?.givesWay, "deleted");
      assert.equal(comesTrue(stage, caller()), "10.77.0.2:80");
    }));
});

describe("persistence", () => {
  test("leads a client's network to the server of its first connection", (t) =>
    onStage(t, [sticky], (stage) => {
      const { template: none, choice } = ask(stage, caller());
      assert.equal(none, undefined);
      assert.equal(choice?.agrees, true);
      assert.equal(comesTrue(stage, caller()), "10.77.0.3:80");
      const { template, end } = ask(stage, anyPort(caller({ client: parseAddress("198.51.100.99") })));
      assert.equal(template?.connection.children, 1);
      assert.ok(template.connection.expiresMs > 290_000 && template.connection.expiresMs < 301_000);
      assert.deepEqual(end.kind === "server" ? [end.by, serverName(end.to.server)] : end, ["template", "10.77.0.3:80"]);
      assert.equal(comesTrue(stage, caller({ client: parseAddress("198.51.100.99"), clientPort: 41_000 })), "10.77.0.3:80");
      assert.equal(comesTrue(stage, caller({ client: parseAddress("198.51.101.7") })), "10.77.0.2:80");
    }));

  test("does not look at weight 0 unless expire_quiescent_template is set, nor at overload", (t) =>
    onStage(t, [sticky], (stage) => {
      assert.equal(send(stage, caller()), "10.77.0.3:80");
      const again = caller({ clientPort: 41_000 });
      const limited = { ...third, upperThreshold: 1 };
      stage.plane.apply({ kind: "edit-server", service: sticky, before: third, after: limited });
      assert.equal(ask(stage, again).template?.to.load.overloaded, true);
      assert.equal(comesTrue(stage, again), "10.77.0.3:80");
      stage.plane.apply({ kind: "edit-server", service: sticky, before: limited, after: { ...third, weight: 0 } });
      assert.equal(ask(stage, again).template?.invalid, undefined);
      settings(stage, { expireQuiescentTemplate: true });
      const anew = caller({ clientPort: 41_001 });
      assert.equal(ask(stage, anew).template?.invalid, "quiesced");
      assert.equal(comesTrue(stage, anew), "10.77.0.2:80");
    }));

  test("of a deleted server leads nobody", (t) =>
    onStage(t, [sticky], (stage) => {
      assert.equal(send(stage, caller()), "10.77.0.3:80");
      stage.plane.apply({ kind: "delete-server", service: sticky, server: third });
      const anew = caller({ clientPort: 41_000 });
      assert.equal(ask(stage, anew).template?.invalid, "deleted");
      assert.equal(comesTrue(stage, anew), "10.77.0.2:80");
    }));

  test("past its time lives on with its connections, and not without", (t) =>
    onStage(t, [sticky], (stage) => {
      send(stage, caller());
      send(stage, caller(), ACK);
      advanceSeconds(stage.path, 400);
      const { template } = ask(stage, caller({ clientPort: 41_000 }));
      assert.equal(template?.invalid, undefined);
      assert.ok((template?.connection.expiresMs ?? 1) <= 0);
      assert.equal(comesTrue(stage, caller({ clientPort: 41_000 })), "10.77.0.3:80");
      advanceSeconds(stage.path, 2000);
      stage.path.sweep();
      advanceSeconds(stage.path, 100);
      stage.path.sweep();
      assert.equal(ask(stage, caller({ clientPort: 42_000 })).template, undefined);
    }));

  test("by every port keeps a client's server for all of them", (t) =>
    onStage(t, [{ ...sticky, port: 0, servers: three.map((each) => ({ ...each, port: 0 })) }], (stage) => {
      const { service: met } = ask(stage, caller());
      assert.equal(met?.by, "every port");
      assert.equal(comesTrue(stage, caller()), "10.77.0.3:80");
      assert.equal(comesTrue(stage, caller({ destination: { address: VIPS.ipv4, port: 443 } })), "10.77.0.3:443");
      assert.equal(ask(stage, caller({ protocol: "udp" })).service, undefined);
    }));
});

describe("which service it is for", () => {
  const ftp = { ...sticky, port: 21, servers: three.map((each) => ({ ...each, port: 21 })) };

  test("FTP's data connections follow their client's control connection", (t) =>
    onStage(t, [ftp], (stage) => {
      assert.equal(comesTrue(stage, caller({ destination: { address: VIPS.ipv4, port: 21 } })), "10.77.0.3:21");
      const data = caller({ destination: { address: VIPS.ipv4, port: 50_000 } });
      assert.equal(ask(stage, data).service?.by, "ftp data");
      assert.equal(comesTrue(stage, data), "10.77.0.3:50000");
      assert.deepEqual(ask(stage, caller({ clientPort: 20, destination: { address: VIPS.ipv4, port: 21 } })).end, {
        kind: "none",
        outcome: "PASS_FTP",
      });
    }));

  test("FTP without persistence leaves data connections to the host", (t) => {
    const { persistence: _, ...plain } = ftp;
    onStage(t, [plain], (stage) => {
      const data = caller({ destination: { address: VIPS.ipv4, port: 50_000 } });
      assert.deepEqual(ask(stage, data).end, { kind: "none", outcome: "PASS_FTP" });
      comesTrue(stage, data);
    });
  });

  const marked = service("ipv4", three, { address: parseAddress("0.0.0.0"), port: 0, mark: 7, scheduler: "dh" });
  const rule = { mark: 7, destination: { address: VIPS.ipv4, length: 32 }, ports: { first: 443, last: 443 } } as const;
  const toRule = caller({ destination: { address: VIPS.ipv4, port: 443 } });

  test("a mark rule goes before an address", (t) =>
    onStage(t, [{ ...web, port: 443 }, marked], (stage) => {
      assert.equal(ask(stage, toRule).service?.by, "address and port");
      marks(stage, [rule]);
      const { service: met } = ask(stage, toRule);
      assert.deepEqual([met?.by, met?.head.mark, met?.rule?.ports], ["mark", 7, rule.ports]);
      comesTrue(stage, toRule);
      const [hits] = stage.plane.counters().marks;
      ask(stage, toRule);
      assert.deepEqual(stage.plane.counters().marks[0], hits);
    }));

  test("the second bank of rules is named as rightly as the first", (t) =>
    onStage(t, [marked], (stage) => {
      marks(stage, [{ ...rule, mark: 8 }]);
      marks(stage, [{ mark: 9, protocol: "udp" }, rule]);
      assert.equal(ask(stage, toRule).service?.rule?.mark, 7);
    }));

  test("a rule of one interface holds there alone, and the others are told of it", (t) =>
    onStage(t, [{ ...web, port: 443 }, marked], (stage) => {
      marks(stage, [{ ...rule, interfaceName: "front" }]);
      const elsewhere = ask(stage, toRule);
      assert.equal(elsewhere.service?.by, "address and port");
      assert.deepEqual(elsewhere.elsewhere, [{ interfaceName: "front", mark: 7 }]);
      const there = ask(stage, { ...toRule, interfaceName: "front" });
      assert.deepEqual([there.service?.by, there.elsewhere], ["mark", []]);
      assert.throws(() => ask(stage, { ...toRule, interfaceName: "nowhere" }), { code: "INTERFACE_MISSING" });
    }));

  test("a mark alone says the service, but not where dh looks", (t) =>
    onStage(t, [marked], (stage) => {
      const byMark: Question = { protocol: "tcp", client: CLIENTS.ipv4, mark: 7 };
      assert.throws(() => ask(stage, byMark), { code: "BAD_ARGUMENT", message: /chooses by the address that a packet goes to/ });
      const { service: met, choice } = ask(stage, { ...byMark, destination: { address: VIPS.ipv4, port: 443 } });
      assert.deepEqual([met?.by, met?.rule, choice?.agrees], ["mark", undefined, true]);
      assert.deepEqual(ask(stage, { ...byMark, mark: 8 }).end, { kind: "none", outcome: "PASS_NO_SERVICE" });
      stage.plane.apply({ kind: "edit-service", before: marked, after: { ...marked, scheduler: "wlc" } });
      assert.equal(ask(stage, byMark).choice?.agrees, true);
    }));

  test("a template of a mark leads to whatever carries it", (t) =>
    onStage(t, [{ ...marked, scheduler: "rr", persistence: { timeoutSeconds: 100 } }], (stage) => {
      marks(stage, [rule]);
      comesTrue(stage, toRule);
      const { template, end } = ask(stage, {
        protocol: "udp",
        client: CLIENTS.ipv4,
        mark: 7,
        destination: { address: VIPS.ipv4, port: 53 },
      });
      assert.equal(template?.connection.mark, 7);
      // A mark's template keeps the port that was asked for.
      assert.deepEqual(end.kind === "server" ? [end.by, end.port] : end, ["template", 53]);
    }));

  test("what is for none, or from nobody, is left to the host", (t) =>
    onStage(t, [web], (stage) => {
      const stranger = caller({ destination: { address: VIPS.ipv4, port: 81 } });
      assert.deepEqual(ask(stage, stranger).end, { kind: "none", outcome: "PASS_NO_SERVICE" });
      comesTrue(stage, stranger);
      const nobody = caller({ client: parseAddress("127.0.0.1") });
      assert.deepEqual(ask(stage, nobody).end, { kind: "none", outcome: "PASS_MALFORMED" });
      const self = caller({ client: VIPS.ipv4 });
      assert.deepEqual(ask(stage, self).end, { kind: "none", outcome: "PASS_MALFORMED" });
    }));
});

for (const family of FAMILIES) {
  test(`${family}: no server that serves is refused by ICMP, as the packet is`, (t) => {
    const servers = [server(family, "nat", { n: 1, weight: 0 }), server(family, "nat", { n: 2, upperThreshold: 1 })];
    const address = VIPS[family];
    onStage(t, [service(family, servers, { scheduler: "wlc" }), service(family, [], { port: 81 })], (stage) => {
      const one = caller({ client: CLIENTS[family], destination: { address, port: 80 } });
      assert.equal(comesTrue(stage, one)?.includes(family === "ipv4" ? "10.77.0.2" : "fd77::2"), true);
      const other = { ...one, clientPort: 41_000 };
      const { end, choice } = ask(stage, other);
      assert.deepEqual(end, { kind: "none", outcome: "ICMP_UNREACHABLE" });
      assert.deepEqual(choice?.account.passedOver, ["overloaded", "quiesced"]);
      comesTrue(stage, other);
      assert.deepEqual(ask(stage, { ...other, destination: { address, port: 81 } }).end, { kind: "none", outcome: "ICMP_UNREACHABLE" });
      const answered = stage.plane.counters().outcomes["ICMP_UNREACHABLE"];
      assert.equal(answered, 1n);
    });
  });
}

test("a scheduler that hashes the port says that it needs one", (t) =>
  onStage(t, [{ ...web, scheduler: "sh", schedulerFlags: ["port"] }], (stage) => {
    assert.deepEqual(ask(stage, anyPort(caller())).end, { kind: "open", by: "client port" });
    const reached = new Set(Array.from({ length: 20 }, (_, i) => comesTrue(stage, caller({ clientPort: 40_000 + i }))));
    assert.equal(reached.size, 3);
  }));

test("UDP and one-packet services are explained as their datagrams go", (t) =>
  onStage(
    t,
    [
      { ...web, protocol: "udp" },
      { ...web, protocol: "udp", port: 53, onePacket: true },
    ],
    (stage) => {
      assert.equal(comesTrue(stage, caller({ protocol: "udp" })), "10.77.0.3:80");
      assert.equal(ask(stage, caller({ protocol: "udp" })).connection?.connection.state, "UDP");
      for (const to of ["10.77.0.3:80", "10.77.0.2:80", "10.77.0.1:80"])
        assert.equal(comesTrue(stage, caller({ protocol: "udp", destination: { address: VIPS.ipv4, port: 53 } })), to);
    },
  ));

test("numbers that contradict the packet path's choice are told as a mistake, and the choice stands", (t) => {
  const servers = Array.from({ length: 40 }, (_, i) => server("ipv4", "nat", { n: i + 1 }));
  onStage(t, [{ ...web, scheduler: "wlc", servers }], (stage) => {
    const { choice } = ask(stage, caller());
    assert.deepEqual([choice?.agrees, choice?.chosen?.server.address], [true, servers.at(-1)?.address]);
    // Behind the back of the groups (bpf/load.h), which go on with what they remember.
    const plan = stage.path.maps.plans.lookup(stage.plane.planOf(web));
    const number = stage.path.candidates.read(plan?.first ?? 0).server;
    stage.path.serverLoad.write(number, { ...stage.path.serverLoad.read(number), active: 1, total: 1 });
    const { choice: wrong, end, ...rest } = ask(stage, caller());
    assert.ok(wrong !== undefined);
    assert.deepEqual([wrong.agrees, wrong.steady, wrong.account.chosen], [false, true, 1]);
    assert.ok(wrong.chosen !== undefined && wrong.servers.indexOf(wrong.chosen) > 1);
    assert.equal(send(stage, caller()), explained({ ...rest, end }));
    assert.match(explanationText({ ...rest, choice: wrong, end }), /^mistake +by these numbers 10\.77\.0\.39:80 would be chosen/m);
  });
});
