/** Mistakes in the director's own sections, and in instances. */

import { INSTANCE_KEYS, type WrongFile } from "./wrong-file.ts";

export const WRONG_SECTIONS: readonly WrongFile[] = [
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
