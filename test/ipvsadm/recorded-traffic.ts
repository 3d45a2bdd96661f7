/** What state big had counted, and which connections it held, when the recordings "big+traffic" were taken. */

import type { Connection } from "../../src/director/connection-reader.ts";
import { parseAddress } from "../../src/model/address.ts";
import type { Seen } from "./recorded-states.ts";

const WEB = "TCP 207.1.1.1:80";

export const TRAFFIC = {
  connections: {
    "TCP 207.1.1.1:0 192.168.1.9:0": [2, 0, 2],
    [`${WEB} 192.168.1.1:80`]: [3, 1],
    [`${WEB} 192.168.1.2:8080`]: [1, 1],
    "UDP 207.1.1.1:53 192.168.1.1:53": [0, 1],
    "UDP 207.1.1.1:53 192.168.1.2:53": [0, 3],
    "TCP [fd07::1]:80 [fd92::2]:8080": [3, 0],
  },
  traffic: {
    "TCP 207.1.1.1:0": [2, 8, 6, 532, 628],
    "TCP 207.1.1.1:0 192.168.1.9:0": [2, 8, 6, 532, 628],
    [WEB]: [6, 28, 20, 2104, 2888],
    [`${WEB} 192.168.1.1:80`]: [4, 18, 13, 1368, 1908],
    [`${WEB} 192.168.1.2:8080`]: [2, 10, 7, 736, 980],
    "UDP 207.1.1.1:53": [4, 4, 0, 368, 0],
    "UDP 207.1.1.1:53 192.168.1.1:53": [1, 1, 0, 92, 0],
    "UDP 207.1.1.1:53 192.168.1.2:53": [3, 3, 0, 276, 0],
    "UDP 207.1.1.1:5060": [5, 5, 0, 240, 0],
    "UDP 207.1.1.1:5060 192.168.1.1:5060": [5, 5, 0, 240, 0],
    "TCP [fd07::1]:80": [3, 12, 9, 1488, 2472],
    "TCP [fd07::1]:80 [fd92::2]:8080": [3, 12, 9, 1488, 2472],
  },
  rates: {
    "TCP 207.1.1.1:0": [0, 0, 0, 28, 33],
    "TCP 207.1.1.1:0 192.168.1.9:0": [0, 0, 0, 28, 33],
    [WEB]: [0, 1, 1, 111, 152],
    [`${WEB} 192.168.1.1:80`]: [0, 1, 1, 72, 101],
    [`${WEB} 192.168.1.2:8080`]: [0, 1, 0, 39, 52],
    "UDP 207.1.1.1:53": [0, 0, 0, 19, 0],
    "UDP 207.1.1.1:53 192.168.1.1:53": [0, 0, 0, 5, 0],
    "UDP 207.1.1.1:53 192.168.1.2:53": [0, 0, 0, 15, 0],
    "UDP 207.1.1.1:5060": [0, 0, 0, 13, 0],
    "UDP 207.1.1.1:5060 192.168.1.1:5060": [0, 0, 0, 13, 0],
    "TCP [fd07::1]:80": [0, 1, 0, 78, 130],
    "TCP [fd07::1]:80 [fd92::2]:8080": [0, 1, 0, 78, 130],
  },
} as const satisfies Seen;

/** After 130 MiB more through the service at port 80. */
export const BULK: Seen = {
  connections: TRAFFIC.connections,
  traffic: {
    ...TRAFFIC.traffic,
    [WEB]: [7, 2174, 1706, 130131112, 90568],
    [`${WEB} 192.168.1.1:80`]: [5, 2164, 1699, 130130376, 89588],
  },
  rates: {
    "TCP 207.1.1.1:0": [0, 0, 0, 12, 14],
    "TCP 207.1.1.1:0 192.168.1.9:0": [0, 0, 0, 12, 14],
    [WEB]: [0, 226, 184, 13765427, 9598],
    [`${WEB} 192.168.1.1:80`]: [0, 226, 184, 13765411, 9576],
    [`${WEB} 192.168.1.2:8080`]: [0, 0, 0, 16, 22],
    "UDP 207.1.1.1:53": [0, 0, 0, 8, 0],
    "UDP 207.1.1.1:53 192.168.1.1:53": [0, 0, 0, 2, 0],
    "UDP 207.1.1.1:53 192.168.1.2:53": [0, 0, 0, 6, 0],
    "UDP 207.1.1.1:5060": [0, 0, 0, 5, 0],
    "UDP 207.1.1.1:5060 192.168.1.1:5060": [0, 0, 0, 5, 0],
    "TCP [fd07::1]:80": [0, 0, 0, 33, 55],
    "TCP [fd07::1]:80 [fd92::2]:8080": [0, 0, 0, 33, 55],
  },
};

/** After `-Z` of the service at port 80, and after `-Z` of all. */
export const RESET_ONE: Seen = { traffic: Object.fromEntries(Object.entries(TRAFFIC.traffic).filter(([name]) => !name.startsWith(WEB))) };
export const RESET: Seen = {};

/** When recording 097 was taken: one connection more, and its server quiesced. */
export const LATER: Seen = { connections: { ...TRAFFIC.connections, [`${WEB} 192.168.1.1:80`]: [3, 2] } };

type Row = readonly [protocol: Connection["protocol"], state: string, seconds: number, client: string, virtual: string, server: string];

const ROWS: readonly Row[] = [
  ["tcp", "TIME_WAIT", 120, "10.0.0.5 30004", "207.1.1.1 80", "192.168.1.2 8080"],
  ["udp", "UDP", 300, "10.0.1.1 33000", "207.1.1.1 53", "192.168.1.1 53"],
  ["tcp", "ESTABLISHED", 900, "10.0.0.2 30001", "207.1.1.1 80", "192.168.1.1 80"],
  ["tcp", "ASSURED", 360, "10.9.0.1 0", "207.1.1.1 0", "192.168.1.9 0"],
  ["udp", "UDP", 300, "10.0.1.2 33001", "207.1.1.1 53", "192.168.1.2 53"],
  ["tcp", "TIME_WAIT", 120, "10.0.0.6 30005", "207.1.1.1 80", "192.168.1.1 80"],
  ["tcp", "ASSURED", 360, "10.9.0.2 0", "207.1.1.1 0", "192.168.1.9 0"],
  ["tcp", "ESTABLISHED", 900, "fd10::2 32001", "fd07::1 80", "fd92::2 8080"],
  ["tcp", "ESTABLISHED", 900, "fd10::1 32000", "fd07::1 80", "fd92::2 8080"],
  ["tcp", "ESTABLISHED", 900, "10.0.0.1 30000", "207.1.1.1 80", "192.168.1.2 8080"],
  ["udp", "UDP", 300, "10.0.1.4 33003", "207.1.1.1 53", "192.168.1.2 53"],
  ["udp", "UDP", 300, "10.0.1.3 33002", "207.1.1.1 53", "192.168.1.2 53"],
  ["tcp", "ESTABLISHED", 900, "10.9.0.1 31000", "207.1.1.1 22", "192.168.1.9 22"],
  ["tcp", "ESTABLISHED", 900, "10.0.0.4 30003", "207.1.1.1 80", "192.168.1.1 80"],
  ["tcp", "ESTABLISHED", 900, "10.0.0.3 30002", "207.1.1.1 80", "192.168.1.1 80"],
  ["tcp", "ESTABLISHED", 900, "fd10::3 32002", "fd07::1 80", "fd92::2 8080"],
  ["tcp", "ESTABLISHED", 900, "10.9.0.2 31001", "207.1.1.1 22", "192.168.1.9 22"],
];

/** One more that had come when recordings 099 and 101 were taken. */
export const LATE_ROW: Row = ["tcp", "TIME_WAIT", 120, "10.0.3.1 35000", "207.1.1.1 80", "192.168.1.1 80"];

/** The connections so many seconds after the last packet of each. */
export function connectionsAfter(seconds: number): Connection[] {
  return ROWS.map((row) => connection(row, seconds));
}

export function connection([protocol, state, lifetime, client, virtual, server]: Row, seconds = 0): Connection {
  return {
    slot: 0,
    generation: 0,
    protocol,
    state,
    // Whatever is left of a second is not shown.
    expiresMs: (lifetime - seconds) * 1000 + 900,
    client: endOf(client),
    virtual: endOf(virtual),
    server: endOf(server),
    serverNumber: 0,
    serviceNumber: 0,
    method: "nat",
    active: state === "ESTABLISHED",
    template: false,
    parent: undefined,
    children: 0,
    mark: undefined,
  };
}

function endOf(text: string): Connection["client"] {
  const [address = "", port = ""] = text.split(" ");
  return { address: parseAddress(address), port: Number(port) };
}
