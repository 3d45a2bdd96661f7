import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../model/address.ts";
import { type ActualState, type Change, DEFAULT_SETTINGS, type DesiredState } from "../model/plane.ts";
import { PROTOCOLS, type RealServer, SCHEDULERS, serverName, serviceName, type VirtualService } from "../model/service.ts";
import { describeChange } from "./describe-change.ts";
import { diff } from "./diff.ts";

const server = (host: number, facts: Partial<RealServer> = {}): RealServer => ({
  address: parseAddress(`10.0.0.${host}`),
  port: 80,
  weight: 1,
  method: "nat",
  ...facts,
});
const service = (port: number, ...servers: RealServer[]): VirtualService => ({
  address: parseAddress("192.0.2.1"),
  port,
  protocol: "tcp",
  scheduler: "rr",
  servers,
});
const desired = (services: VirtualService[], attachments: DesiredState["attachments"] = []): DesiredState => ({ services, attachments });
const actual = (services: VirtualService[], attachments: ActualState["attachments"] = []): ActualState => ({ services, attachments });
const lines = (wanted: DesiredState, present: ActualState) => diff(wanted, present).map(describeChange);

test("diff adds to an empty plane in the order of the configuration", () => {
  const wanted = desired([service(80, server(1), server(2)), service(443)], [{ interfaceName: "eth0", hook: "auto" }]);
  assert.deepEqual(lines(wanted, actual([])), [
    "attach to eth0 (hook auto)",
    "add service tcp 192.0.2.1:80 scheduler rr, servers: 10.0.0.1:80 nat weight 1, 10.0.0.2:80 nat weight 1",
    "add service tcp 192.0.2.1:443 scheduler rr, servers: none",
  ]);
});

test("diff makes before it breaks", () => {
  const present = actual(
    [service(80, server(1), server(2), server(5, { weight: 0 })), service(81, server(1))],
    [{ interfaceName: "eth1", hook: "tc" }],
  );
  const wanted = desired(
    [
      { ...service(80, server(2, { weight: 0 }), server(3), server(5, { weight: 4, method: "tun" })), scheduler: "wrr" },
      service(82, server(1)),
    ],
    [{ interfaceName: "eth0", hook: "xdp" }],
  );
  assert.deepEqual(lines(wanted, present), [
    "attach to eth0 (hook xdp)",
    "add service tcp 192.0.2.1:82 scheduler rr, servers: 10.0.0.1:80 nat weight 1",
    "add server 10.0.0.3:80 nat weight 1 to tcp 192.0.2.1:80",
    "edit service tcp 192.0.2.1:80: scheduler rr -> wrr",
    "edit server 10.0.0.5:80 of tcp 192.0.2.1:80: weight 0 -> 4, method nat -> tun",
    "edit server 10.0.0.2:80 of tcp 192.0.2.1:80: weight 1 -> 0",
    "delete server 10.0.0.1:80 from tcp 192.0.2.1:80",
    "delete service tcp 192.0.2.1:81",
    "detach from eth1 (hook tc)",
  ]);
});

test("diff tells what is edited of services, servers, settings and marks, in an order that loses nobody", () => {
  const marked = (facts: Partial<VirtualService>): VirtualService => ({
    ...service(0, server(1, { port: 0 })),
    address: parseAddress("0.0.0.0"),
    mark: 1,
    ...facts,
  });
  const present = { services: [service(80, server(1, { upperThreshold: 8 })), marked({ mark: 2 })], marks: [{ mark: 2 }], attachments: [] };
  const wanted = {
    services: [
      {
        ...service(80, server(1, { method: "tun", tunnel: { type: "gue", port: 6080 }, upperThreshold: 8, lowerThreshold: 6 })),
        persistence: { timeoutSeconds: 60, clientMask: parseAddress("255.255.0.0") },
        timeouts: { udp: 5 },
        sloppy: true,
      },
      marked({ persistence: { timeoutSeconds: 300 } }),
    ],
    settings: { ...DEFAULT_SETTINGS, expireNodest: true, connectionReuse: 2 },
    marks: [
      { mark: 1, protocol: "tcp" as const, destination: { address: parseAddress("192.0.2.0"), length: 24 }, ports: { first: 1, last: 9 } },
    ],
    attachments: [],
  };
  assert.deepEqual(lines(wanted, present), [
    "edit settings: expire_nodest_conn 0 -> 1, conn_reuse_mode 1 -> 3",
    "add service mark 1 ipv4 scheduler rr, persistence 300 s, servers: 10.0.0.1:0 nat weight 1",
    "edit service tcp 192.0.2.1:80: persistence none -> 60 s, persistent clients each by itself -> by 255.255.0.0, sloppy no -> yes, timeouts none -> udp 5 s",
    "set mark rules: mark 1: tcp to 192.0.2.0/24 ports 1-9",
    // The thresholds are the same: the lower one is said.
    "edit server 10.0.0.1:80 of tcp 192.0.2.1:80: method nat -> tun, tunnel ipip -> gue port 6080",
    "delete service mark 2 ipv4",
  ]);
});

test("diff takes what is said as usual for what is left out", () => {
  const plain = service(80, server(1));
  const said: VirtualService = {
    ...plain,
    servers: [server(1, { upperThreshold: 0, lowerThreshold: 0, tunnel: { type: "ipip", checksum: false } })],
    schedulerFlags: [],
    onePacket: false,
    mark: 0,
    timeouts: {},
  };
  assert.deepEqual(
    diff({ services: [said], settings: DEFAULT_SETTINGS, marks: [], attachments: [] }, { services: [plain], attachments: [] }),
    [],
  );
});

test("diff does not touch servers that only stand in another order", () => {
  assert.deepEqual(diff(desired([service(80, server(2), server(1))]), actual([service(80, server(1), server(2))])), []);
});

test("diff is content with any hook where auto is wanted, and attaches anew where a certain one is", () => {
  const present = actual([], [{ interfaceName: "eth0", hook: "tc" }]);
  assert.deepEqual(diff(desired([], [{ interfaceName: "eth0", hook: "auto" }]), present), []);
  assert.deepEqual(lines(desired([], [{ interfaceName: "eth0", hook: "xdp" }]), present), ["attach to eth0 (hook xdp)"]);
});

test("describeChange names the first servers of a great service and counts the rest", () => {
  const servers = Array.from({ length: 9 }, (_, i) => server(i + 1));
  const line = describeChange({ kind: "add-service", service: service(80, ...servers) });
  assert.match(line, /10\.0\.0\.4:80 nat weight 1 and 5 more$/);
});

const states = fc.uniqueArray(
  fc.record({
    address: fc.constantFrom("192.0.2.1", "2001:db8::1").map(parseAddress),
    port: fc.constantFrom(80, 443),
    protocol: fc.constantFrom(...PROTOCOLS),
    scheduler: fc.constantFrom(...SCHEDULERS),
    servers: fc.uniqueArray(
      fc.record({
        address: fc.constantFrom("10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1").map(parseAddress),
        port: fc.constantFrom(80, 8080),
        weight: fc.constantFrom(0, 1, 2),
        method: fc.constantFrom("nat" as const, "tun" as const),
      }),
      { maxLength: 5, selector: serverName },
    ),
  }),
  { maxLength: 5, selector: serviceName },
);

test("diff of equal states is empty", () => {
  fc.assert(fc.property(states, (services) => assert.deepEqual(diff({ services, attachments: [] }, { services, attachments: [] }), [])));
});

test("diff names no service or server that is equal, and none twice", () => {
  fc.assert(
    fc.property(states, states, (wanted, present) => {
      const touched = diff({ services: wanted, attachments: [] }, { services: present, attachments: [] }).map(subject);
      assert.equal(new Set(touched).size, touched.length);
      for (const service of wanted) {
        const before = present.find((each) => serviceName(each) === serviceName(service));
        for (const server of service.servers) {
          const equal = before?.servers.some(
            (each) => serverName(each) === serverName(server) && each.weight === server.weight && each.method === server.method,
          );
          if (equal === true) assert.ok(!touched.includes(`${serviceName(service)} ${serverName(server)}`));
        }
      }
    }),
  );
});

test("diff takes nothing away before everything new is there", () => {
  fc.assert(
    fc.property(states, states, (wanted, present) => {
      const ranks = diff({ services: wanted, attachments: [] }, { services: present, attachments: [] }).map(({ kind }) =>
        kind.startsWith("add") ? 0 : kind.startsWith("edit") ? 1 : 2,
      );
      assert.deepEqual(
        ranks,
        ranks.toSorted((one, other) => one - other),
      );
    }),
  );
});

function subject(change: Change): string {
  switch (change.kind) {
    case "attach":
    case "detach":
      return change.attachment.interfaceName;
    case "add-service":
    case "delete-service":
      return serviceName(change.service);
    case "edit-service":
      return serviceName(change.after);
    case "add-server":
    case "delete-server":
      return `${serviceName(change.service)} ${serverName(change.server)}`;
    case "edit-server":
      return `${serviceName(change.service)} ${serverName(change.after)}`;
    case "edit-settings":
    case "edit-marks":
    case "edit-sync-daemons":
      return change.kind;
  }
}
