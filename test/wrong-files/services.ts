/** Mistakes in services, servers and checks. */

import { CHECK_KEYS, DURATION, KINDS, type WrongFile } from "./wrong-file.ts";

export const WRONG_SERVICES: readonly WrongFile[] = [
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
];

/** One service with two servers and this in it. */
function service(...lines: readonly string[]): string {
  return ["", "services:", "  - address: 192.0.2.10", "    port: 80", ...lines.map((line) => `    ${line}`)].join("\n      ");
}
