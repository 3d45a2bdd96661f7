/** Who takes part in a random course: services of every kind, as orders of ipvsadm, their servers, and clients. */

import { type Address, type Family, parseAddress } from "../../src/model/address.ts";
import { SCHEDULERS } from "../../src/model/service.ts";
import { type Order, parseOrder } from "../../src/scheduler/recording/ipvsadm.ts";

/** A service of the course: how it is named to ipvsadm, and how clients reach it. */
export interface CourseService {
  /** "-t 207.1.1.1:80" */
  readonly key: string;
  readonly options: string;
  readonly protocol: "tcp" | "udp" | "sctp";
  readonly address: Address;
  /** Clients ask for one of these. */
  readonly ports: readonly number[];
  readonly mark: number;
  /** Schedulers that it may have. */
  readonly schedulers: readonly string[];
  readonly method: "-m" | "-g" | "-i";
  /** Servers' endpoints as ipvsadm has them. */
  readonly servers: readonly string[];
}

const V4 = [1, 2, 3, 4, 5].map((n) => `192.168.1.${n}`);
const V6 = [1, 2, 3, 4].map((n) => `fd92::${n}`);

/** Of those that the packet path has, all that draw no lots. */
export const COURSE_SCHEDULERS: readonly string[] = SCHEDULERS.filter((name: string) => name !== "twos");

interface Plan {
  readonly options?: string;
  readonly ports?: readonly number[];
  readonly mark?: number;
  readonly method?: CourseService["method"];
  readonly serverPort?: number;
}

function service(protocol: CourseService["protocol"], address: string, port: number, plan: Plan = {}): CourseService {
  const { options = "", mark = 0, method = "-m", serverPort = port } = plan;
  const ipv6 = address.includes(":");
  const endpoint = (host: string, at: number) => (ipv6 ? `[${host}]:${at}` : `${host}:${at}`);
  return {
    key: mark === 0 ? `${{ tcp: "-t", udp: "-u", sctp: "--sctp-service" }[protocol]} ${endpoint(address, port)}` : `-f ${mark}`,
    options,
    protocol,
    address: parseAddress(address),
    ports: plan.ports ?? [port],
    mark,
    schedulers: COURSE_SCHEDULERS,
    method,
    servers: (ipv6 ? V6 : V4).map((host) => endpoint(host, serverPort)),
  };
}

/** A template's time is odd, those of connections are even, and so is the course's clock: none of them ever ends with one that it leads. */
export const COURSE_SERVICES: readonly CourseService[] = [
  service("tcp", "207.1.1.1", 80),
  service("tcp", "fd07::1", 80, { serverPort: 8080 }),
  service("tcp", "207.1.1.1", 81, { options: "-p 31" }),
  service("tcp", "207.1.1.1", 82, { method: "-g" }),
  service("tcp", "fd07::1", 83, { method: "-i" }),
  service("tcp", "207.1.1.2", 0, { options: "-p 21 -M 255.255.255.0", ports: [80, 443, 8080] }),
  service("udp", "207.1.1.1", 53, { options: "-o" }),
  service("udp", "207.1.1.1", 80),
  service("udp", "207.1.1.1", 54, { options: "-o -p 15" }),
  service("udp", "fd07::1", 55, { options: "-p 25 -M 64" }),
  service("tcp", "198.18.0.1", 0, { mark: 7, options: "-p 41", ports: [80, 443] }),
  service("tcp", "207.1.1.3", 80, { serverPort: 8080 }),
  service("sctp", "207.1.1.1", 80),
];

const CLIENTS = {
  ipv4: Array.from({ length: 40 }, (_, i) => parseAddress(`10.${i % 7}.${i % 3}.${i + 1}`)),
  ipv6: Array.from({ length: 20 }, (_, i) => parseAddress(`fd10:${i % 4}::${i + 1}`)),
} as const satisfies Record<Family, readonly Address[]>;

export function clientsOf({ address }: CourseService): readonly Address[] {
  return CLIENTS[address.family];
}

export function order(line: string): Order {
  return parseOrder(line.split(" ").filter((word) => word !== ""));
}
