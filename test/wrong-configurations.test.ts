/**
 * Files that people write wrongly, and the exact words that each is answered with. The first nine are mistakes with which keepalived 2.2.7 starts
 * without a word (or with a line in its log, and another meaning).
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkKinds } from "../src/checker/check-kinds.ts";
import { formatComplaint } from "../src/config/complaint.ts";
import { parseConfiguration } from "../src/config/parse.ts";

interface WrongFile {
  readonly mistake: string;
  /** Without the indentation of this file. */
  readonly file: string;
  readonly says: readonly string[];
}

const SERVICE_KEYS =
  "name, address, port, protocol, mark, family, scheduler, scheduler_flags, one_packet, sloppy, full_nat, hairpin, alpha, omega, weight, method, " +
  "inhibit_on_failure, cut_templates, drain_deadline, persistent, timeouts, quorum, sorry_server, checks, servers";
const INSTANCE_KEYS =
  "name, interface, vrid, priority, version, advert_interval, preempt, preempt_delay, authentication, addresses, peers, track";
const KINDS = "tcp, http, https, tls, udp, dns, smtp, ping, grpc, script, agent";
const CHECK_KEYS = `interval, timeout, fast_interval, jitter, rise, fall, clients_way, ${KINDS}`;
const DURATION = "is not a duration; write 200ms, 5s, 2m, 1h or 1d, or a number of seconds";

const SILENT_IN_KEEPALIVED: readonly WrongFile[] = [
  {
    mistake: "an unknown keyword",
    file: `
      services:
        - { address: 192.0.2.10, port: 80, method: nat, lb_algoritm: rr, servers: [] }`,
    says: [`2:51: services[0].lb_algoritm: unknown key; allowed: ${SERVICE_KEYS}`],
  },
  {
    mistake: "a VRRP priority of 300",
    file: `
      services: []
      instances:
        - { name: front, interface: eth0, vrid: 51, priority: 300, addresses: [192.0.2.10/24] }`,
    says: ["3:57: instances[0].priority: 300 is above 255, the greatest priority"],
  },
  {
    mistake: "a state Master",
    file: `
      services: []
      instances:
        - { name: front, state: Master, interface: eth0, vrid: 51, addresses: [192.0.2.10/24] }`,
    says: [
      "3:20: instances[0].state: no instance is told what to begin as: the greatest priority becomes master; leave state out, and write priority: 150 for the master",
    ],
  },
  {
    mistake: "a password of 16 characters",
    file: `
      services: []
      instances:
        - name: front
          interface: eth0
          vrid: 51
          version: 2
          addresses: [192.0.2.10/24]
          authentication: { type: pass, password: sixteen-chars-16 }`,
    says: ["8:45: instances[0].authentication.password: the password has 16 bytes; VRRP carries 8, and the rest would not count"],
  },
  {
    mistake: "a check script that is not there",
    file: `
      services:
        - address: 192.0.2.10
          port: 80
          method: nat
          checks:
            - { script: { command: /usr/local/bin/no-such-check }, interval: 5s }
          servers: [{ address: 10.0.0.11 }]`,
    says: [
      `6:30: services[0].checks[0].script.command: "/usr/local/bin/no-such-check" cannot be executed: ENOENT: no such file or directory, access '/usr/local/bin/no-such-check'`,
    ],
  },
  {
    mistake: "an advertisement interval of 0.4 seconds with VRRP 2",
    file: `
      services: []
      instances:
        - { name: front, interface: eth0, vrid: 51, version: 2, advert_interval: 0.4, addresses: [192.0.2.10/24] }`,
    says: ["3:76: instances[0].advert_interval: 400ms is not whole seconds, and VRRP 2 counts those; write whole seconds, or version: 3"],
  },
  {
    mistake: "a scheduler that there is not",
    file: `
      services:
        - { address: 192.0.2.10, port: 80, method: nat, scheduler: wlcc, servers: [] }`,
    says: [
      '2:62: services[0].scheduler: "wlcc" is not a scheduler; allowed: rr, wrr, lc, wlc, sed, nq, sh, dh, mh, lblc, lblcr, fo, ovf, twos; did you mean "wlc"?',
    ],
  },
  {
    mistake: "a bad address",
    file: `
      services:
        - { address: 192.0.2.10, port: 80, method: nat, servers: [{ address: 10.0.0.256 }] }`,
    says: [
      '2:72: services[0].servers[0].address: "10.0.0.256" is not an IPv4 or IPv6 address; each part is 0 to 255, without leading zeros',
    ],
  },
  {
    mistake: "a typo in a check",
    file: `
      services:
        - address: 192.0.2.10
          port: 80
          method: nat
          checks:
            - { http: { path: /healthz, status_cod: 200 }, intervall: 1s }
            - htpp
          servers: [{ address: 10.0.0.11 }]`,
    says: [
      '6:35: services[0].checks[0].http.status_cod: unknown key; did you mean "status"? allowed: address, port, bind, method, path, host, headers, body, status, version, contains, matches, digest',
      `6:54: services[0].checks[0].intervall: unknown key; did you mean "interval"? allowed: ${CHECK_KEYS}`,
      `7:9: services[0].checks[1]: "htpp" is not a kind of check; allowed: ${KINDS}; did you mean "http"?`,
    ],
  },
];

/** One service with two servers and this in it. */
function service(...lines: readonly string[]): string {
  return ["", "services:", "  - address: 192.0.2.10", "    port: 80", ...lines.map((line) => `    ${line}`)].join("\n      ");
}

const OTHERS: readonly WrongFile[] = [
  {
    mistake: "keepalived's words for a check",
    file: service("method: nat", "checks: [{ HTTP_GET: { path: / }, delay_loop: 6 }]", "servers: [{ address: 10.0.0.11 }]"),
    says: [
      `5:16: services[0].checks[0].HTTP_GET: unknown key; did you mean "http"? allowed: ${CHECK_KEYS}`,
      `5:39: services[0].checks[0].delay_loop: unknown key; did you mean "interval"? allowed: ${CHECK_KEYS}`,
    ],
  },
  {
    mistake: "an option beside its check",
    file: service("method: nat", "checks: [{ http: {}, path: /healthz }]", "servers: [{ address: 10.0.0.11 }]"),
    says: ["5:26: services[0].checks[0].path: path is an option of http; write it there: http: { path: ... }"],
  },
  {
    mistake: "a check of two kinds",
    file: service("method: nat", "checks: [{ tcp: {}, ping: {} }]", "servers: [{ address: 10.0.0.11 }]"),
    says: ["5:25: services[0].checks[0].ping: a check is of one kind, and this one is tcp already; write two"],
  },
  {
    mistake: "a check of no kind",
    file: service("method: nat", "checks: [{ interval: 1s }]", "servers: [{ address: 10.0.0.11 }]"),
    says: [`5:14: services[0].checks[0]: it does not say what is checked; one of: ${KINDS}`],
  },
  {
    mistake: "checks that are no list",
    file: service("method: nat", "checks: { tcp: {} }", "servers: [{ address: 10.0.0.11 }]"),
    says: ["5:13: services[0].checks: a mapping is not a list"],
  },
  {
    mistake: "durations that are none, and out of bounds",
    file: service(
      "method: nat",
      "checks: [{ tcp: {}, interval: 5 parsecs, timeout: 1ms, fast_interval: -1, jitter: 2 }]",
      "drain_deadline: 8d",
      "servers: [{ address: 10.0.0.11 }]",
    ),
    says: [
      `5:35: services[0].checks[0].interval: "5 parsecs" ${DURATION}`,
      '5:55: services[0].checks[0].timeout: "1ms" is below 10ms, the least timeout',
      "5:75: services[0].checks[0].fast_interval: -1 is below 10ms, the least fast_interval",
      "5:87: services[0].checks[0].jitter: 2 is not a jitter; it is a number from 0 to 1",
      '6:21: services[0].drain_deadline: "8d" is above 7d, the greatest drain_deadline',
    ],
  },
  {
    mistake: "a fast interval that is slower",
    file: service("method: nat", "checks: [{ tcp: {}, interval: 1s, fast_interval: 2s }]", "servers: [{ address: 10.0.0.11 }]"),
    says: ["5:54: services[0].checks[0].fast_interval: 2s is longer than the interval 1s; it is for looking more often"],
  },
  {
    mistake: "a fall of 0",
    file: service("method: nat", "checks: [{ tcp: {}, fall: 0 }]", "servers: [{ address: 10.0.0.11 }]"),
    says: ["5:31: services[0].checks[0].fall: 0 is below 1, the least fall"],
  },
  {
    mistake: "options of a check that are wrong by themselves",
    file: service(
      "method: nat",
      "checks:",
      '  - { http: { path: healthz, headers: { Host: a }, status: 600x, matches: "(" } }',
      "  - { http: { body: a } }",
      "  - { http: / }",
      "  - script",
      "servers: [{ address: 10.0.0.11 }]",
    ),
    says: [
      '6:25: services[0].checks[0].http.path: "healthz" is not a path; it begins with a slash and has no spaces',
      '6:43: services[0].checks[0].http.headers: the header Host is not set here; use the key "host"',
      '6:64: services[0].checks[0].http.status: "600x" is not a status; a status is 100 to 999, a range is written "200-299", several stand in a list',
      '6:79: services[0].checks[0].http.matches: "(": Invalid regular expression: /(/: Unterminated group',
      "7:25: services[0].checks[1].http.body: only a POST has a body",
      '8:17: services[0].checks[2].http: "/" is not options of the check http; it is a mapping, if need be an empty one: {}',
      '9:9: services[0].checks[3]: the key "command" is missing (of script)',
    ],
  },
  {
    mistake: "a check on the clients' way of what has no such way",
    file: service(
      "method: nat",
      "checks: [{ tcp: {}, clients_way: true }]",
      "servers:",
      "  - { address: 10.0.0.11 }",
      "  - { address: 10.0.0.12, method: dr, checks: [{ ping: {}, clients_way: true }] }",
      "  - { address: 10.0.0.13, method: dr, checks: [{ tcp: { address: 10.0.0.1 }, clients_way: true }] }",
    ),
    says: [
      "5:38: services[0].checks[0].clients_way: this is for dr and tun, and servers[0] has nat: its packets are the same either way; leave it out",
      "8:77: services[0].servers[1].checks[0].clients_way: ping is no check that a client's packets could make; allowed: tcp, http, https, tls, udp, dns, smtp, grpc",
      "9:70: services[0].servers[2].checks[0].tcp.address: a check on the clients' way goes to the service's address; leave this out",
    ],
  },
  {
    mistake: "checks that do not know which port",
    file: `
      settings: { marks_from_outside: true }
      services:
        - { mark: 1, method: dr, checks: [tcp, ping, { tcp: { port: 80 } }, agent], servers: [{ address: 10.0.0.11 }] }`,
    says: [
      "3:37: services[0].checks[0]: the service is for every port, so the check needs one; write tcp: { port: ... }",
      "3:71: services[0].checks[3]: an agent listens on a port of its own; write agent: { port: ... }",
    ],
  },
  {
    mistake: "a mark that no rule gives",
    file: `
      marks: [{ mark: 2, destination: 192.0.2.10 }]
      services: [{ mark: 1, method: dr, servers: [{ address: 10.0.0.11 }] }]`,
    says: [
      "2:20: services[0].mark: no mark rule gives the mark 1 (the rules give 2); add one under marks, or write settings: { marks_from_outside: true }",
    ],
  },
  {
    mistake: "quorums that nobody can reach, or lose",
    file: `
      services:
        - { address: 192.0.2.1, port: 80, method: nat, quorum: 4, servers: [{ address: 10.0.0.11, weight: 2 }, { address: 10.0.0.12 }] }
        - { address: 192.0.2.2, port: 80, method: nat, quorum: { weight: 3, hysteresis: 1 }, weight: 3, servers: [{ address: 10.0.0.11 }] }
        - { address: 192.0.2.3, port: 80, method: nat, quorum: { weight: 1, hysteresis: 1 }, servers: [] }
        - { address: 192.0.2.4, port: 80, method: nat, quorum: { up: "/bin/true up", down: down }, servers: [] }
        - { address: 192.0.2.5, port: 80, method: nat, quorum: 0, servers: [] }`,
    says: [
      "2:58: services[0].quorum: 4 is above 3, what all servers weigh together: the service would never be up",
      "3:58: services[1].quorum: once lost it is gained again at 3 + 1, and all servers together weigh 3: never",
      "4:83: services[2].quorum.hysteresis: 1 is not below the quorum 1: the service could never be lost",
      '5:64: services[3].quorum.up: "/bin/true up" has a space; write the program and its arguments as a list: [/bin/true, up]',
      '5:86: services[3].quorum.down: "down" is not the path of a program; it begins with a slash',
      "6:58: services[4].quorum: 0 is below 1, the least quorum",
    ],
  },
  {
    mistake: "a sorry server that is a server already, or cannot be reached as it says",
    file: `
      services:
        - { address: 192.0.2.1, port: 80, method: nat, sorry_server: { address: 10.0.0.11 }, servers: [{ address: 10.0.0.11 }] }
        - { address: 192.0.2.2, port: 80, method: dr, sorry_server: { address: 10.0.0.99, port: 81 }, servers: [] }
        - { address: 192.0.2.3, port: 80, sorry_server: { address: 10.0.0.99 }, servers: [] }
        - { address: 192.0.2.4, port: 80, method: nat, sorry_server: { address: 10.0.0.99, weight: 2 }, servers: [] }`,
    says: [
      "2:64: services[0].sorry_server: the server 10.0.0.11:80 stands here twice, first at 2:98",
      "3:91: services[1].sorry_server.port: 81 differs from the service's port 80, and dr cannot map ports: the reply does not pass the director; leave the port out, or use nat",
      '4:5: services[2]: the key "method" is missing; it is nat, dr or tun, here or at every server',
      "5:86: services[3].sorry_server.weight: unknown key; allowed: address, port, method, tunnel",
    ],
  },
  {
    mistake: "hairpin where nothing turns back",
    file: `
      services:
        - { address: 192.0.2.1, port: 80, method: dr, hairpin: true, servers: [{ address: 10.0.0.11 }] }
        - { address: 192.0.2.2, port: 80, method: nat, hairpin: true, full_nat: 10.0.0.1, servers: [{ address: 10.0.0.11 }] }`,
    says: [
      "2:58: services[0].hairpin: this is for nat, and servers[0] has dr, whose replies do not pass the director",
      "3:59: services[1].hairpin: full_nat says already what address servers see; leave one of them out",
    ],
  },
  {
    mistake: "switches without what they are about",
    file: service("method: nat", "alpha: true", "cut_templates: true", "servers: [{ address: 10.0.0.11, cut_templates: true }]"),
    says: [
      "5:12: services[0].alpha: there are no checks that could say its servers are well",
      "6:20: services[0].cut_templates: only persistent services have templates; leave it out, or write persistent: 300",
      "7:52: services[0].servers[0].cut_templates: only persistent services have templates; leave it out, or write persistent: 300",
    ],
  },
  {
    mistake: "port mapping with dr, and the same server twice",
    file: service(
      "method: dr",
      "servers:",
      "  - { address: 10.0.0.11, port: 8080 }",
      "  - { address: 10.0.0.12 }",
      "  - { address: 10.0.0.12 }",
    ),
    says: [
      "6:37: services[0].servers[0].port: 8080 differs from the service's port 80, and dr cannot map ports: the reply does not pass the director; leave the port out, or use nat",
      "8:9: services[0].servers[2]: the server 10.0.0.12:80 stands here twice, first at 7:9",
    ],
  },
  {
    mistake: "a weight out of range, at the service and at a server",
    file: service("method: nat", "weight: 70000", "servers: [{ address: 10.0.0.11, weight: -1 }]"),
    says: [
      "5:13: services[0].weight: 70000 is above 65535, the greatest weight",
      "6:45: services[0].servers[0].weight: -1 is below 0, the least weight",
    ],
  },
  {
    mistake: "an API that is open to everybody",
    file: `
      api: { tcp: { address: 0.0.0.0, port: 8470, token_file: /etc/token } }
      services: []`,
    says: ["1:13: api.tcp: the token would go over the network in clear text; certificate and key are needed, or a loopback address"],
  },
  {
    mistake: "an API without a token, with half a certificate, on no port",
    file: `
      api: { socket: api.sock, group: "no such", tcp: { address: localhost, port: 0, certificate: /etc/api.crt } }
      services: []`,
    says: [
      '1:16: api.socket: "api.sock" is not a socket; its path begins with a slash',
      '1:33: api.group: "no such" is not a group; a group is a name such as evenkeel, or a number',
      '1:49: api.tcp: the key "token_file" is missing',
      '1:60: api.tcp.address: "localhost" is not an IPv4 or IPv6 address',
      "1:77: api.tcp.port: 0 is below 1, the least port",
      "1:93: api.tcp.certificate: it needs its key too",
    ],
  },
  {
    mistake: "notify rules that would tell nobody",
    file: `
      notify:
        - { command: tell, events: [server-up, server-gone] }
        - { user: nobody, timeout: 2h }
      services: []`,
    says: [
      '2:16: notify[0].command: "tell" is not the path of a program; it begins with a slash',
      '2:42: notify[0].events[1]: "server-gone" is not an event; allowed: EVENTS; did you mean "server-down"?',
      '3:5: notify[1]: the key "command" is missing',
      '3:30: notify[1].timeout: "2h" is above 1h, the greatest timeout',
    ],
  },
  {
    mistake: "a director and a journal that cannot be",
    file: `
      director: { by_hand: ignore, compare: 100ms }
      journal: { entries: 1, days: forever }
      services: []`,
    says: [
      '1:22: director.by_hand: "ignore" is not a way with changes by hand; allowed: adopt, revert',
      '1:39: director.compare: "100ms" is below 1s, the least compare',
      "2:21: journal.entries: 1 is below 100, the least number of entries",
      '2:30: journal.days: "forever" is not a number; a number of days is a whole number from 1 to 3650',
    ],
  },
  {
    mistake: "keepalived's words for an instance",
    file: `
      services: []
      instances:
        - { name: front, interface: eth0, virtual_router_id: 51, nopreempt: true, addresses: [192.0.2.10/24] }`,
    says: [
      '3:5: instances[0]: the key "vrid" is missing',
      `3:37: instances[0].virtual_router_id: unknown key; did you mean "vrid"? allowed: ${INSTANCE_KEYS}`,
      "3:60: instances[0].nopreempt: write preempt: false",
    ],
  },
  {
    mistake: "instances that cannot be together",
    file: `
      services: []
      instances:
        - { name: a, interface: eth0, vrid: 51, addresses: [192.0.2.10/24, "2001:db8::10/64", 192.0.2.10/24] }
        - { name: a, interface: eth0, vrid: 51, addresses: [192.0.2.11/33] }
        - { name: b, interface: eth0, vrid: 51, addresses: [192.0.2.12], track: [{ service: web }, {}] }`,
    says: [
      "3:70: instances[0].addresses[1]: 2001:db8::10 is not of the family of 192.0.2.10; an instance has one, so write two",
      "3:89: instances[0].addresses[2]: 192.0.2.10 stands here twice, first at 3:55",
      "4:5: instances[1]: the instance a stands here twice, first at 3:5",
      '4:55: instances[1].addresses[0]: "192.0.2.11/33": the prefix length is at most 32',
      "5:5: instances[2]: vrid 51 of eth0 and ipv4 stands here twice, first at 3:5",
      '5:87: instances[2].track[0].service: there is no service with the name "web"',
      "5:94: instances[2].track[1]: a track rule has one of the keys interface and service",
    ],
  },
  {
    mistake: "a password where VRRP has none",
    file: `
      services: []
      instances:
        - { name: a, interface: eth0, vrid: 51, addresses: [192.0.2.10/24], authentication: { type: pass, password: 12345678 } }`,
    says: [
      "3:71: instances[0].authentication: VRRP 3 has no authentication (RFC 9568); leave it out, or write version: 2",
      "3:111: instances[0].authentication.password: the password is not text; write it in quotes",
    ],
  },
  {
    mistake: "a listener, which is to come",
    file: `
      services: []
      listeners: [{ port: 443 }]`,
    says: ["2:1: listeners: there are no listeners yet: layer 7 is to come; leave the key out"],
  },
];

for (const { mistake, file, says } of [...SILENT_IN_KEEPALIVED, ...OTHERS]) {
  test(`${mistake}: the file is refused, and told why`, () => {
    const text = file.replaceAll("\n      ", "\n").trimStart();
    const result = parseConfiguration(text, "evenkeel.yaml", checkKinds);
    const found = "complaints" in result ? result.complaints.map(formatComplaint) : [];
    assert.deepEqual(
      found.map((line) => line.replace(/allowed: director-started, [a-z-]+(?:, [a-z-]+)*/, "allowed: EVENTS")),
      says.map((line) => `evenkeel.yaml:${line}`),
    );
  });
}

test("there are enough of them", () => {
  assert.equal(SILENT_IN_KEEPALIVED.length, 9);
  assert.ok(SILENT_IN_KEEPALIVED.length + OTHERS.length >= 30, `${SILENT_IN_KEEPALIVED.length + OTHERS.length}`);
});
