/** What the common recordings do not show: long names, all flags, large numbers, and the orders that a sort by overflowing differences makes. */

import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ListFormat, Names } from "../../src/cli/ipvsadm/command.ts";
import { listConnections } from "../../src/cli/ipvsadm/list-connections.ts";
import { listServices } from "../../src/cli/ipvsadm/list-services.ts";
import { procConnections, procConnectionsSync, procServices, procStatsPerCpu } from "../../src/cli/ipvsadm/proc-files.ts";
import { save } from "../../src/cli/ipvsadm/save.ts";
import type { Connection } from "../../src/director/connection-reader.ts";
import { addressFromBytes, formatAddress } from "../../src/model/address.ts";
import type { ServerCounters } from "../../src/model/plane.ts";
import { formatOf, listed, MORE, readLines, readRecording, stateOf } from "./recorded-states.ts";
import { connection } from "./recorded-traffic.ts";

/** In the machine that was asked for these. */
const SALT = 160;
const JIFFIES_PER_SECOND = 250;

const more = (name: string) => readRecording(new URL(`${name}.txt`, MORE));
const madeFor = (name: string) => stateOf(readLines(new URL(`${name}-made.txt`, MORE)));

const PORTS: Readonly<Record<string, string>> = {
  "80/tcp": "http",
  "8080/tcp": "http-alt",
  "53/udp": "domain",
  "69/udp": "tftp",
  "5060/udp": "sip",
  "5672/tcp": "amqp",
  "5672/sctp": "amqp",
  // Nobody may ask for the names of ports of no protocol.
  "80/ip": "none",
};

function namesOf(hosts: Readonly<Record<string, string>>): Names {
  return {
    hostAddress: () => undefined,
    hostName: (bytes) => hosts[formatAddress(addressFromBytes(bytes))],
    portOf: () => undefined,
    serviceOf: (port, protocol) => PORTS[`${port}/${protocol}`],
  };
}

const NOBODY = namesOf({});
const TOO_LONG = namesOf({
  "192.168.1.1": "a-very-long-name-of-a-real-server-that-goes-on-and-on-and-on-and-on.example.org",
  "192.168.1.2": "exactly-sixty-six-characters-long-name-of-a-host-in-an-example.org",
  "192.168.1.3": "exact-28-characters-with-a.b",
  "fd07::1": "vip6-a-very-long-name-of-a-real-server-that-goes-on-and-on-and-on-and-on.example.org",
  "fd92::1": "real6-with-a-long-long-long-name-a-very-long-name-of-a-real-server-that-goes-on-and-on-and-on-and-on.example.org",
});
const LONG = namesOf({
  "192.168.1.1": "real-one.example.org",
  "192.168.1.2": "a-very-long-name-of-a-real-server-that-goes-on.example.org",
  "207.1.1.1": "vip.example.org",
  "fd07::1": "vip6.example.org",
  "fd92::1": "real6-with-a-long-long-long-name.example.org",
  "10.0.0.5": "client.example.org",
  "1.2.3.4": "a-service-with-a-very-long-long-long-name.and.more.and.more.example.org",
});

suite("flags, marks and both families together", () => {
  for (const name of ["flags-Ln", "flags-nosort", "flags-thr", "flags-pers", "flags-stats"]) {
    const { command, printed } = more(name);
    test(command, () => {
      assert.equal(listServices(listed(madeFor("flags")), { format: formatOf(command), names: NOBODY, salt: SALT }), printed);
    });
  }
  test("ipvsadm -Sn", () => assert.equal(save(madeFor("flags"), { salt: SALT }), more("flags-Sn").printed));
  test("cat /proc/net/ip_vs", () => {
    const options = { jiffiesPerSecond: JIFFIES_PER_SECOND, salt: SALT };
    assert.equal(procServices(listed(madeFor("flags")), options), more("flags-proc").printed);
  });
});

suite("names that are longer than their column, and than ipvsadm's own room", () => {
  for (const name of ["names", "names-stats", "names-rate", "names-thresholds", "names-persistent-conn", "names-tun-info"]) {
    const { command, printed } = more(name);
    test(command.trim(), () =>
      assert.equal(listServices(listed(madeFor("names")), { format: formatOf(command), names: TOO_LONG }), printed),
    );
  }
  test("ipvsadm -S", () => assert.equal(save(madeFor("names"), { names: TOO_LONG }), more("names-S").printed));

  test("IPv6 addresses in all their forms, and ports that have names in some protocols", () => {
    const { command, printed } = more("forms-L");
    assert.equal(listServices(listed(madeFor("forms")), { format: formatOf(command), names: NOBODY }), printed);
    assert.equal(save(madeFor("forms"), { names: NOBODY }), more("forms-S").printed);
  });

  test("each host and port is asked for once", () => {
    const asked: string[] = [];
    const names: Names = {
      ...NOBODY,
      hostName: (bytes) => {
        asked.push(bytes.join("."));
        return undefined;
      },
      serviceOf: (port, protocol) => {
        asked.push(`${port}/${protocol}`);
        return undefined;
      },
    };
    save(madeFor("names"), { names });
    assert.equal(asked.length, new Set(asked).size);
    assert.ok(asked.includes("192.168.1.1") && asked.includes("3868/sctp"));
  });
});

suite("connections", () => {
  /** Lines of /proc/net/ip_vs_conn; what a persistence engine found, ours never do. */
  const withoutEngine = (line: string) => !/ sip( |$)/.test(line) && !/ -\d+$/.test(line);
  const connections = readLines(new URL("conn-input.txt", MORE)).slice(1).filter(withoutEngine).map(readConnection);
  const expected = (printed: string) =>
    printed
      .split("\n")
      .filter((line) => !/:5060|:sip | 71582788:/.test(line))
      .join("\n");
  for (const name of ["conn-n", "conn", "conn-np", "conn-p"]) {
    const { command, printed } = more(name);
    test(command, () => {
      const text = [...listConnections(connections, { format: formatOf(command), names: LONG })].join("");
      assert.equal(text, expected(printed));
    });
  }

  test("the file of /proc/net is read back the same", () => {
    const lines = [...procConnections(connections)].join("").trimEnd().split("\n").slice(1);
    assert.deepEqual(lines.map(readConnection), connections);
  });

  test("a list is written while it is read: of many connections few are held", () => {
    const one = connection(["tcp", "ESTABLISHED", 900, "10.0.0.1 1", "10.0.0.2 2", "10.0.0.3 3"]);
    let read = 0;
    function* many(): Generator<Connection> {
      for (; read < 1_000_000; read++) yield one;
    }
    for (const print of [procConnections, procConnectionsSync]) {
      read = 0;
      const chunks = print(many());
      assert.ok((chunks.next().value ?? "").length > 60_000);
      assert.ok(read < 2000, `${read} were read for the first chunk`);
    }
  });
});

suite("of several formats that are asked for together", () => {
  // The real one was asked for all 64 combinations.
  const formats = ["stats", "rate", "thresholds", "persistentConnections", "tunnelInfo"] as const;
  const show = (options: Partial<ListFormat>) =>
    listServices(listed(madeFor("flags")), { format: { ...formatOf("ipvsadm -Ln"), ...options }, names: NOBODY });
  for (const [i, first] of formats.entries()) {
    test(`${first} is printed before ${formats.slice(i + 1).join(", ") || "none"}`, () => {
      const alone = show({ [first]: true });
      assert.notEqual(alone, show({}));
      for (const other of formats.slice(i + 1)) assert.equal(show({ [first]: true, [other]: true }), alone);
    });
  }
});

suite("orders", () => {
  for (const n of [1, 2, 3]) {
    for (const [name, order] of [
      ["walk", "as IPVS walks"],
      ["sorted", "sorted"],
    ] as const) {
      test(`40 random services and 30 random servers, ${order} (${n})`, () => {
        const { command, printed } = more(`order-${n}-${name}`);
        assert.equal(listServices(listed(madeFor(`order-${n}`)), { format: formatOf(command), names: NOBODY, salt: SALT }), printed);
      });
    }
  }
});

suite("large numbers", () => {
  const [service] = stateOf(["-A -t 207.1.1.1:80 -s rr", "-a -t 207.1.1.1:80 -r 192.168.1.1:80"]);
  assert.ok(service);
  const columns = (counts: readonly bigint[], options: Partial<ListFormat>): string[] => {
    const [connections = 0n, packetsIn = 0n, packetsOut = 0n, bytesIn = 0n, bytesOut = 0n] = counts;
    const traffic = { connections, packetsIn, packetsOut, bytesIn, bytesOut };
    const rates = {
      connections: Number(connections),
      packetsIn: Number(packetsIn),
      packetsOut: Number(packetsOut),
      bytesIn: Number(bytesIn),
      bytesOut: Number(bytesOut),
    };
    const { servers, ...head } = service;
    const counters = servers.map(
      (server): ServerCounters => ({ service: head, server, active: 0, inactive: 0, persistent: 0, overloaded: false, ...traffic, rates }),
    );
    const text = listServices([{ service: head, traffic, rates, servers: counters }], {
      format: { ...formatOf("ipvsadm -Ln"), ...options },
      names: NOBODY,
    });
    return text.trimEnd().split("\n").slice(3);
  };

  // As the real one printed them, its netlink library made to say so.
  test("get a unit that is cut off, not rounded", () => {
    for (const [counts, text] of [
      [[0n, 9n, 99_999_999n, 100_000_000n, 100_000_999n], "        0        9 99999999  100000K  100000K"],
      [[999_999_999n, 99_999_999_999n, 10n ** 11n, 999_999_999_999n, 99_999_999_999_999n], "  999999K   99999M     100G     999G   99999G"],
      [[10n ** 9n, 1_000_000_001n, 1_100_000_000n, 10n ** 10n, 10n ** 14n], "    1000M    1000M    1100M   10000M     100T"],
      [
        [99_999_999_999_999_999n, 10n ** 17n, 9_999_999_999_999_999_999n, 18_446_744_073_709_551_615n, 12_345_678n],
        "   99999T  100000T 9999999T18446744T 12345678",
      ],
    ] as const) {
      const [head, server] = columns(counts, { stats: true });
      assert.equal(head, `TCP  207.1.1.1:80                ${text}`);
      assert.equal(server, `  -> 192.168.1.1:80              ${text}`);
    }
  });

  test("exact ones push the others to the right", () => {
    const [head] = columns([999_999_999n, 99_999_999_999n, 100_000_000_000n, 999_999_999_999n, 99_999_999_999_999n], {
      stats: true,
      exact: true,
    });
    assert.equal(head, "TCP  207.1.1.1:80                 999999999 99999999999 100000000000 999999999999 99999999999999");
  });

  test("of a server's rates only bytes get a unit", () => {
    const [head, server] = columns([4_294_967_295n, 4_294_967_295n, 4_294_967_295n, 4_294_967_295n, 4_294_967_295n], { rate: true });
    assert.equal(head, "TCP  207.1.1.1:80                    4294M    4294M    4294M    4294M    4294M");
    assert.equal(server, "  -> 192.168.1.1:80               4294967295 4294967295 4294967295    4294M    4294M");
  });

  test("CPUs have hexadecimal numbers", () => {
    const traffic = { connections: 0n, packetsIn: 0n, packetsOut: 0n, bytesIn: 0n, bytesOut: 0n };
    const rates = { connections: 0, packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0 };
    const lines = procStatsPerCpu(Array(11).fill(traffic), { traffic, rates }).split("\n");
    assert.equal(lines[12], "  A        0        0        0                0                0");
  });
});

function readConnection(line: string): Connection {
  const [protocol = "", client = "", clientPort, virtual = "", virtualPort, server = "", serverPort, state = "", expires] =
    line.split(/ +/);
  const end = (address: string, port: string | undefined) =>
    `${formatAddress(addressFromBytes(Buffer.from(address.replaceAll(":", ""), "hex")))} ${Number.parseInt(port ?? "", 16)}`;
  return connection([
    protocol.toLowerCase() as Connection["protocol"],
    state,
    Number(expires),
    end(client, clientPort),
    end(virtual, virtualPort),
    end(server, serverPort),
  ]);
}
