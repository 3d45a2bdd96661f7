/** What a line of ipvsadm comes to, as values. That it is refused where the real one refuses it is asked in test/ipvsadm. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { CONNECTION_STATES } from "../../director/connection-filter.ts";
import { parseAddress } from "../../model/address.ts";
import type { Edit } from "../../model/edit.ts";
import { type Command, CommandError, type ListFormat, type Names } from "./command.ts";
import { RefusedEdit } from "./messages.ts";
import { parseCommand } from "./parse.ts";

const NAMES: Names = {
  hostAddress: (name) => (name === "www" ? Uint8Array.from([192, 0, 2, 1]) : undefined),
  hostName: () => undefined,
  portOf: (service, protocol) => (service === "domain" && protocol === "udp" ? 53 : undefined),
  serviceOf: () => undefined,
};

const VIP = { address: parseAddress("192.0.2.1"), port: 80, protocol: "tcp" } as const;
const MARK = { address: parseAddress("0.0.0.0"), port: 0, protocol: "tcp", mark: 7 } as const;
const SERVER = { address: parseAddress("10.0.0.11"), port: 80, method: "dr", weight: 1 } as const;
const PLAIN: ListFormat = {
  numeric: false,
  stats: false,
  rate: false,
  exact: false,
  thresholds: false,
  persistentConnections: false,
  tunnelInfo: false,
  unsorted: false,
  json: false,
};

const parse = (line: string): Command => parseCommand(line.split(" ").filter(Boolean), NAMES);

function edits(lines: Readonly<Record<string, Edit>>): void {
  for (const [line, edit] of Object.entries(lines)) test(line, () => assert.deepEqual(parse(line), { kind: "edit", edit }));
}

function refuses(lines: Readonly<Record<string, readonly [text: string, exitCode: number]>>): void {
  for (const [line, [message, exitCode]] of Object.entries(lines)) {
    test(line, () => assert.throws(() => parse(line), { message, exitCode }));
  }
}

suite("a service", () => {
  const service = { ...VIP, scheduler: "wlc" } as const;
  edits({
    "-A -t 192.0.2.1:80": { kind: "add-service", service },
    "-A -t www:80 -s rr": { kind: "add-service", service: { ...VIP, scheduler: "rr" } },
    "-A -u www:domain": { kind: "add-service", service: { ...service, protocol: "udp", port: 53 } },
    "-E --sctp-service www:80": { kind: "edit-service", service: { ...service, protocol: "sctp" } },
    "-A -t www:80 -p": { kind: "add-service", service: { ...service, persistence: { timeoutSeconds: 360 } } },
    "-A -t www -p 60": { kind: "add-service", service: { ...service, port: 0, persistence: { timeoutSeconds: 60 } } },
    "-A -t www:80 -p 60 -M 255.255.255.0": {
      kind: "add-service",
      service: { ...service, persistence: { timeoutSeconds: 60, clientMask: parseAddress("255.255.255.0") } },
    },
    "-A -t www:80 -p 60 -M 255.255.255.255": { kind: "add-service", service: { ...service, persistence: { timeoutSeconds: 60 } } },
    "-A -t www:80 -M 255.255.255.0": { kind: "add-service", service },
    "-A -t [2001:db8::1]:80 -p 60 -M 61": {
      kind: "add-service",
      service: {
        ...service,
        address: parseAddress("2001:db8::1"),
        persistence: { timeoutSeconds: 60, clientMask: parseAddress("ffff:ffff:ffff:fff8::") },
      },
    },
    "-A -u www:80 -o --pe sip -s sh -b sh-port,sh-fallback": {
      kind: "add-service",
      service: {
        ...service,
        protocol: "udp",
        scheduler: "sh",
        schedulerFlags: ["fallback", "port"],
        onePacket: true,
        persistenceEngine: "sip",
      },
    },
    "-A -f 7": { kind: "add-service", service: { ...service, ...MARK } },
    "-A -f 7 -6": { kind: "add-service", service: { ...service, ...MARK, address: parseAddress("::") } },
    "-D -t www:80": { kind: "delete-service", service: VIP },
    "-Z -f 7": { kind: "reset-counters", service: MARK },
    "-Z": { kind: "reset-counters" },
    "-C": { kind: "clear" },
  });
  test("with a scheduler that nobody knows is refused once nothing else is wrong with it", () => {
    for (const words of ["-s nosuch", "--pe nosuch", "-s none"]) {
      assert.throws(
        () => parse(`-A -t www:80 -p 9 ${words}`),
        (error) => {
          assert.ok(error instanceof RefusedEdit);
          assert.deepEqual(error.edit, { kind: "add-service", service: { ...service, persistence: { timeoutSeconds: 9 } } });
          assert.deepEqual([error.message, error.exitCode], ["Scheduler or persistence engine not found", 255]);
          return true;
        },
      );
    }
  });
});

suite("a server", () => {
  const gue = { type: "gue", port: 6080 } as const;
  edits({
    "-a -t www:80 -r 10.0.0.11": { kind: "add-server", service: VIP, server: SERVER },
    "-a -t www:80 -r 10.0.0.11:8080": { kind: "add-server", service: VIP, server: SERVER },
    "-a -t www:80 -r 10.0.0.11:8080 -m": { kind: "add-server", service: VIP, server: { ...SERVER, port: 8080, method: "nat" } },
    "-a -r 10.0.0.11 -t www:80 -m": { kind: "add-server", service: VIP, server: { ...SERVER, port: 0, method: "nat" } },
    "-a -f 7 -r 10.0.0.11:81": { kind: "add-server", service: MARK, server: { ...SERVER, port: 81 } },
    "-e -t www:80 -r 10.0.0.11 -w 0 -x 9 -y 3": {
      kind: "edit-server",
      service: VIP,
      server: { ...SERVER, weight: 0, upperThreshold: 9, lowerThreshold: 3 },
    },
    "-a -t www:80 -r 10.0.0.11 -i --tun-type ipip": { kind: "add-server", service: VIP, server: { ...SERVER, method: "tun" } },
    "-a -t www:80 -r 10.0.0.11 -i --tun-type gue --tun-port 6080 --tun-csum": {
      kind: "add-server",
      service: VIP,
      server: { ...SERVER, method: "tun", tunnel: { ...gue, checksum: true } },
    },
    "-a -t www:80 -r 10.0.0.11 -i --tun-type gue --tun-port 6080 --tun-remcsum": {
      kind: "add-server",
      service: VIP,
      server: { ...SERVER, method: "tun", tunnel: { ...gue, remoteChecksum: true } },
    },
    "-a -t www:80 -r [2001:db8::5]:80 -i": {
      kind: "add-server",
      service: VIP,
      server: { ...SERVER, address: parseAddress("2001:db8::5"), method: "tun" },
    },
    "-d -t www:80 -r 10.0.0.11:8080": { kind: "delete-server", service: VIP, server: { address: SERVER.address, port: 8080 } },
  });
});

suite("timeouts and sync daemons", () => {
  const daemon = { interfaceName: "eth0", syncId: 0, group: parseAddress("224.0.0.81"), port: 8848, ttl: 1 };
  edits({
    "--set 900 0 300": { kind: "set-timeouts", timeouts: { tcp: 900, udp: 300 } },
    "--start-daemon master": { kind: "start-daemon", daemon: { ...daemon, role: "master" } },
    "--start-daemon backup --mcast-interface eth1 --syncid 9 --sync-maxlen 1400 --mcast-group ff02::1 --mcast-port 99 --mcast-ttl 4": {
      kind: "start-daemon",
      daemon: {
        role: "backup",
        interfaceName: "eth1",
        syncId: 9,
        maxLength: 1400,
        group: parseAddress("ff02::1"),
        port: 99,
        ttl: 4,
      },
    },
    "--stop-daemon backup": { kind: "stop-daemon", role: "backup" },
  });
});

suite("a list", () => {
  const lists: Readonly<Record<string, Command>> = {
    "": { kind: "list-services", format: PLAIN },
    "-Ln": { kind: "list-services", format: { ...PLAIN, numeric: true } },
    "-l -X --stats --rate --thresholds --persistent-conn --tun-info --nosort --sort": {
      kind: "list-services",
      format: {
        ...PLAIN,
        exact: true,
        stats: true,
        rate: true,
        thresholds: true,
        persistentConnections: true,
        tunnelInfo: true,
        unsorted: true,
      },
    },
    "-L -t www:80": { kind: "list-services", service: VIP, format: PLAIN },
    "-Lcn": { kind: "list-connections", filter: {}, format: { ...PLAIN, numeric: true } },
    "-L --timeout": { kind: "list-timeouts", format: PLAIN },
    "-L --daemon": { kind: "list-daemons", format: PLAIN },
    "-S -n": { kind: "save", format: { ...PLAIN, numeric: true } },
  };
  for (const [line, command] of Object.entries(lists)) test(`"${line}"`, () => assert.deepEqual(parse(line), command));
});

suite("Evenkeel's own:", () => {
  test("a list as JSON", () => {
    const json = { ...PLAIN, json: true };
    for (const words of ["-o json", "--output json", "--output=json"]) {
      assert.deepEqual(parse(`-L ${words}`), { kind: "list-services", format: json });
      assert.deepEqual(parse(`-L ${words} -c`), { kind: "list-connections", filter: {}, format: json });
      assert.deepEqual(parse(`-L ${words} --daemon -n`), { kind: "list-daemons", format: { ...json, numeric: true } });
    }
  });
  test("connections of a client, a server, a service, in a state", () => {
    assert.deepEqual(
      parse("-Lnc --client 198.51.100.0/24 --server=10.0.0.11:80 --service www --state established".replace("www", "192.0.2.1")),
      {
        kind: "list-connections",
        filter: {
          client: { address: parseAddress("198.51.100.0"), prefixLength: 24 },
          server: { address: SERVER.address, port: 80 },
          service: { address: VIP.address },
          state: "ESTABLISHED",
        },
        format: { ...PLAIN, numeric: true },
      },
    );
    assert.deepEqual(parse("-Lc --service mark:7"), { kind: "list-connections", filter: { service: { mark: 7 } }, format: PLAIN });
  });
  test("every state that a listing may show is one to ask for", () => {
    for (const state of CONNECTION_STATES) parse(`-Lc --state ${state}`);
  });
  test("a restore that goes on, or replaces", () => {
    assert.deepEqual(parse("-R"), { kind: "restore", keepGoing: false, replace: false });
    assert.deepEqual(parse("-R --keep-going --replace"), { kind: "restore", keepGoing: true, replace: true });
  });
  refuses({
    "-L -o yaml": ["unexpected argument yaml", 2],
    "-L --output yaml": ["a list cannot be had as yaml, only as json", 2],
    "-Lo json": ["unexpected argument json", 2],
    "-A -u www:80 -o json": ["unexpected argument json", 2],
    "-A -t www:80 --output json": ["--output: unknown option", 255],
    "-S --output json": ["--output: unknown option", 255],
    "-L --client 10.0.0.1": ["The option 'client' is for the list of connections: add -c", 2],
    "-Lc --state NOWHERE": [
      "there is no state NOWHERE; give one of NONE, ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT, TIME_WAIT, CLOSE, CLOSE_WAIT, LAST_ACK, " +
        "LISTEN, SYNACK, INIT1, INIT, COOKIE_SENT, COOKIE_REPLIED, COOKIE_WAIT, COOKIE, COOKIE_ECHOED, SHUTDOWN_SENT, SHUTDOWN_RECEIVED, " +
        "SHUTDOWN_ACK_SENT, REJECTED, CLOSED, UDP, ASSURED",
      2,
    ],
    "-Lc --client 10.0.0.1/99": ["10.0.0.1/99: the prefix length 99 is above 32", 2],
    "-Lc --server x": ['"x" is not an IPv4 or IPv6 address', 2],
    "-L --keep-going": ["--keep-going: unknown option", 255],
  });
});

suite("a line of a restore", () => {
  test("cannot be a restore", () => {
    assert.throws(() => parseCommand(["-R"], NAMES, true), {
      message: "Try `ipvsadm -h' or 'ipvsadm --help' for more information.",
      exitCode: 255,
    });
  });
  test("that the real one passes over does not end it: an option that cannot be read, a scheduler that nobody knows", () => {
    const ends = (line: string) => {
      try {
        parseCommand(line.split(" "), NAMES, true);
      } catch (error) {
        if (error instanceof CommandError) return error.endsRestore;
      }
      return undefined;
    };
    assert.equal(ends("-A -Q"), false);
    assert.equal(ends("-A -t www:80 -s nosuch"), false);
    assert.equal(ends("-Q"), true);
    assert.equal(ends("-A"), true);
    assert.equal(ends("-A -t www:x"), true);
  });
});
