/** Mistakes with which keepalived 2.2.7 starts without a word, or with a line in its log and another meaning. */

import { CHECK_KEYS, KINDS, SERVICE_KEYS, type WrongFile } from "./wrong-file.ts";

export const SILENT_IN_KEEPALIVED: readonly WrongFile[] = [
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
