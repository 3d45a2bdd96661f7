/**
 * A round's script from its seed: what an administrator orders and clients do, the same for whoever is asked. Nothing is decided while it
 * runs: what cannot be done then (to close what never opened) is passed over, on both sides alike or it is a difference.
 */

import { randomFrom } from "../../test/random.ts";

export type Step =
  /** As ipvsadm's arguments. */
  | { readonly kind: "order"; readonly words: readonly string[] }
  | { readonly kind: "open"; readonly id: number; readonly client: string; readonly clientPort: number; readonly port: number }
  | { readonly kind: "close"; readonly id: number; readonly how: "fin" | "rst" | "server-fin" }
  | { readonly kind: "datagram"; readonly client: string; readonly clientPort: number; readonly port: number };

export interface Script {
  readonly seed: number;
  readonly title: string;
  readonly steps: readonly Step[];
}

export const VIRTUAL = "207.1.1.1";
export const TCP_PORTS = [80, 81, 82] as const;
export const UDP_PORTS = [90] as const;
export const SERVERS_MAX = 6;

const SCHEDULERS = ["rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "dh", "mh", "lblc", "lblcr", "fo", "ovf"] as const;
const METHODS = { nat: "-m", dr: "-g", tun: "-i" } as const;
const MODES = ["nat", "dr", "tun", "mixed"] as const;
const WEIGHTS = [0, 1, 1, 2, 3, 5] as const;
const CLIENTS = 24;
const FIRST_PORT = 20_000;

export function serverAddress(number: number): string {
  return `192.168.1.${number + 1}`;
}

interface Member {
  weight: number;
  present: boolean;
  readonly method: "-m" | "-g" | "-i";
}

interface Service {
  readonly type: "-t" | "-u";
  readonly port: number;
  scheduler: string;
  readonly persistence: readonly string[];
  readonly members: Member[];
}

export function scriptOf(seed: number, connectionsWanted: number): Script {
  const random = randomFrom(seed);
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(items: readonly T[]): T => {
    const item = items[below(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  };
  const steps: Step[] = [];
  const order = (...words: string[]) => steps.push({ kind: "order", words });
  const mode = MODES[seed % MODES.length] ?? "mixed";
  const methodOf = () => METHODS[mode === "mixed" ? pick(["nat", "dr", "tun"] as const) : mode];

  const services: Service[] = [...TCP_PORTS, ...UDP_PORTS].map((port) => ({
    type: port < 90 ? "-t" : "-u",
    port,
    scheduler: pick(SCHEDULERS),
    // The third one is persistent, half of the time by network.
    persistence: port === 82 ? ["-p", "300", ...(below(2) === 0 ? ["-M", "255.255.255.0"] : [])] : [],
    members: Array.from({ length: 2 + below(SERVERS_MAX - 1) }, () => ({ weight: pick(WEIGHTS), present: true, method: methodOf() })),
  }));
  const nameOf = ({ port }: Service) => `${VIRTUAL}:${port}`;
  const server = (command: "-a" | "-e", service: Service, number: number, thresholds: readonly string[] = []) => {
    const member = service.members[number];
    if (member === undefined) throw new Error(`${nameOf(service)} has no server ${number}`);
    const real = `${serverAddress(number)}:${service.port}`;
    order(command, service.type, nameOf(service), "-r", real, member.method, "-w", `${member.weight}`, ...thresholds);
  };
  order("--set", "3000", "3000", "3000");
  for (const service of services) {
    order("-A", service.type, nameOf(service), "-s", service.scheduler, ...service.persistence);
    for (const [number] of service.members.entries()) server("-a", service, number);
  }

  const change = () => {
    const service = pick(services);
    const number = below(service.members.length);
    const member = service.members[number];
    if (member === undefined) return;
    const what = below(10);
    if (what === 0) {
      service.scheduler = pick(SCHEDULERS);
      order("-E", service.type, nameOf(service), "-s", service.scheduler, ...service.persistence);
    } else if (!member.present) {
      member.present = true;
      server("-a", service, number);
    } else if (what <= 2) {
      member.present = false;
      order("-d", service.type, nameOf(service), "-r", `${serverAddress(number)}:${service.port}`);
    } else {
      member.weight = pick(WEIGHTS);
      const upper = below(12);
      server("-e", service, number, what === 3 ? ["-x", `${upper}`, "-y", `${below(upper + 1)}`] : []);
    }
  };

  const open: number[] = [];
  const flows: { readonly client: string; readonly clientPort: number; readonly port: number }[] = [];
  const clients = Array.from({ length: CLIENTS }, () => `10.${below(3)}.${below(200)}.${1 + below(200)}`);
  let connections = 0;
  let clientPort = FIRST_PORT;
  while (connections < connectionsWanted) {
    const what = below(100);
    if (what < 3) {
      change();
    } else if (what < 50) {
      open.push(connections);
      const port = pick([80, 80, 81, 81, 82]);
      steps.push({ kind: "open", id: connections++, client: pick(clients), clientPort: clientPort++, port });
    } else if (what < 85 && open.length > 0) {
      const [id = 0] = open.splice(below(open.length), 1);
      steps.push({ kind: "close", id, how: pick(["fin", "rst", "server-fin"] as const) });
    } else if (what < 92 && flows.length > 0) {
      steps.push({ kind: "datagram", ...pick(flows) });
    } else if (what >= 92) {
      const flow = { client: pick(clients), clientPort: clientPort++, port: 90 };
      flows.push(flow);
      connections++;
      steps.push({ kind: "datagram", ...flow });
    }
  }
  const title = `${mode}: ${services.map(({ scheduler, port }) => `${scheduler} ${port}`).join(", ")}`;
  return { seed, title, steps };
}
