/**
 * Checks on the clients' way: by DR or TUN, a check's packets reach the one server as its clients' do, with the virtual address as their
 * destination and in the tunnel that forwarding would use. A server without its hidden address, or without decapsulation, is found sick.
 *
 * Each check's socket comes from a port of a range of our own and speaks to the server's address; two small programs on the interfaces
 * that lead there (bpf/clients_way.bpf.c) turn its packets. They are attached while such checks are wanted, and go with this process.
 */

import { createSocket } from "node:dgram";
import { connect, type Socket } from "node:net";
import { type Dial, directDial, type Way } from "../../checker/dial.ts";
import { Failure, Unable } from "../../checker/fault.ts";
import { attachWhileOpen, clearLeftFilters, type Direction, type Hold } from "../../kernel/attach-while-open.ts";
import { bpfObjectPath } from "../../kernel/bpf-objects.ts";
import { nowMs } from "../../kernel/clock.ts";
import { findLink } from "../../kernel/links.ts";
import { type BpfMap, bpfMap } from "../../kernel/maps.ts";
import { type BpfObject, loadObject } from "../../kernel/object.ts";
import { type Address, formatAddress, sameAddress } from "../../model/address.ts";
import { whyNotClientsWay } from "../../model/clients-way.ts";
import { EvenkeelError } from "../../model/error.ts";
import { type RealServer, serverName, serviceName, type VirtualService } from "../../model/service.ts";
import { type Probe, ProbeFlag, ProbePort, probeCodec, type Server, serverCodec } from "../../wire/abi.ts";
import { u32 } from "../../wire/codec.ts";
import { familyNumber, serverValue } from "../server-value.ts";
import type { ServerWay, WaysTo } from "../server-way.ts";
import { serverWays } from "../server-way.ts";
import { ProbePorts } from "./probe-ports.ts";
import { segmentMax } from "./segment.ts";

const TEXT = {
  notPrepared: "the clients' way to this server is not prepared",
  noAddress: "a service by firewall mark has no address of its own: the check has to say one",
  noRoute: "no route leads to the server",
  noNeighbour: "the route to the server leads through a gateway, and by DR only a neighbour can be reached",
  noPort: "no free port for a check on the clients' way",
  otherAddress: "a check on the clients' way asks the server itself, and no other address",
  strayed: "the check went another way than the clients'",
} as const;

/** What identifies a service's server and says how it is reached. */
export interface WayWanted {
  readonly service: Pick<VirtualService, "address" | "port" | "protocol" | "mark">;
  readonly server: RealServer;
}

export interface ClientsWayOptions {
  /** How to reach servers; the kernel's routes when left out. */
  readonly waysTo?: WaysTo;
}

interface Loaded {
  readonly object: BpfObject;
  readonly probes: BpfMap<number, Probe>;
  readonly servers: BpfMap<number, Server>;
}

const PROTOCOLS = { tcp: 6, udp: 17 } as const;
const NOBODY: Probe = {
  server: new Uint8Array(16),
  virtualAddress: new Uint8Array(16),
  source: new Uint8Array(16),
  protocol: 0,
  family: 0,
  segmentMax: 0,
  flags: 0,
};

interface Conversation extends WayWanted {
  readonly virtual: Address;
  /** The server's. */
  readonly port: number;
  readonly protocol: keyof typeof PROTOCOLS;
}

/** A conversation that is under way, from one of our ports. */
interface Probing {
  readonly localPort: number;
  /** Whether our program has turned a packet of it. */
  wasSeen(): boolean;
  end(error?: NodeJS.ErrnoException): void;
}

export class ClientsWay {
  readonly #waysTo: WaysTo;
  readonly #ports = new ProbePorts(ProbePort.COUNT);
  /** By service and server: how it is reached; undefined: not at all. */
  #ways = new Map<string, ServerWay | undefined>();
  /** By interface. */
  readonly #attached = new Map<number, readonly Hold[]>();
  #loaded: Loaded | undefined;

  private constructor({ waysTo = serverWays }: ClientsWayOptions) {
    this.#waysTo = waysTo;
  }

  /** In the current network namespace. What a process left that was killed is cleared; nothing is attached yet. */
  static open(options: ClientsWayOptions = {}): ClientsWay {
    clearLeftFilters();
    return new ClientsWay(options);
  }

  /**
   * Which servers are checked so from now on; routes are looked up anew. To be called whenever either changes. Says what could not be done, a line each:
   * the checks concerned can then not be made.
   */
  sync(wanted: readonly WayWanted[]): readonly string[] {
    const usable = wanted.filter(({ server }) => server.method !== "nat");
    const found = this.#waysTo(usable.map(({ server }) => server.address));
    const ways = new Map(usable.map(({ service, server }, i) => [nameOf(service, server), found[i]]));
    this.#ports.tidy(nowMs());
    this.#ways = ways;
    return this.#attachTo(new Set(found.flatMap((way) => (way === undefined || way.local ? [] : [way.ifindex]))));
  }

  /** The way of one server's clients. It follows later calls of sync(). */
  dialTo(service: WayWanted["service"], server: RealServer): Dial {
    return {
      lookup: (name, family) => directDial.lookup(name, family),
      stream: (way) => this.#stream(service, server, way),
      datagram: (way, own) => this.#datagram(service, server, way, own),
    };
  }

  /** The interfaces that have the programs, by their numbers. */
  get interfaces(): readonly number[] {
    return [...this.#attached.keys()];
  }

  close(): void {
    this.#attachTo(new Set());
    this.#ways.clear();
  }

  #stream(service: WayWanted["service"], server: RealServer, way: Way): Socket {
    const virtual = virtualAddress(service, server, way);
    const direct = this.#direct(service, server, { ...way, to: virtual });
    if (direct !== undefined) return directDial.stream(direct);
    const probing = this.#begin({ service, server, virtual, port: way.port, protocol: "tcp" });
    const { family } = server.address;
    const socket = connect({
      host: formatAddress(server.address),
      port: way.port,
      family: family === "ipv4" ? 4 : 6,
      localPort: probing.localPort,
      localAddress: way.from === undefined ? ANY[family] : formatAddress(way.from),
    });
    // Before whoever waits for the connection: what came about beside our programs says nothing of the clients' way.
    socket.once("connect", () => {
      if (probing.wasSeen()) return;
      socket.emit("error", new Unable(TEXT.strayed));
      socket.destroy();
    });
    let failed: NodeJS.ErrnoException | undefined;
    socket.on("error", (error: NodeJS.ErrnoException) => (failed = error));
    socket.once("close", () => probing.end(failed));
    return socket;
  }

  async #datagram(service: WayWanted["service"], server: RealServer, way: Way, own: Parameters<Dial["datagram"]>[1]) {
    const virtual = virtualAddress(service, server, way);
    const direct = this.#direct(service, server, { ...way, to: virtual });
    if (direct !== undefined) return directDial.datagram(direct, own);
    const probing = this.#begin({ service, server, virtual, port: way.port, protocol: "udp" });
    const { family } = server.address;
    const socket = createSocket(family === "ipv4" ? "udp4" : "udp6");
    let closed = false;
    own({
      destroy() {
        if (closed) return;
        closed = true;
        // What still arrives for a closed socket is nobody's business.
        socket.removeAllListeners("error").on("error", () => undefined);
        socket.close();
      },
    });
    socket.once("close", () => probing.end());
    return new Promise<typeof socket>((done, fail) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        probing.end(error);
        fail(error);
      };
      socket.once("error", failed);
      const address = way.from === undefined ? ANY[family] : formatAddress(way.from);
      socket.bind({ address, port: probing.localPort, exclusive: true }, () =>
        socket.connect(way.port, formatAddress(server.address), (error?: NodeJS.ErrnoException) => {
          socket.removeListener("error", failed);
          if (error) {
            failed(error);
            return;
          }
          socket.prependOnceListener("message", () => {
            if (!probing.wasSeen()) socket.emit("error", new Unable(TEXT.strayed));
          });
          done(socket);
        }),
      );
    });
  }

  /** Where nothing has to be turned: by NAT the clients' packets go to the server's address too, and on this host to the virtual one. */
  #direct(service: WayWanted["service"], server: RealServer, way: Way): Way | undefined {
    if (server.method === "nat") return { ...way, to: server.address };
    const why = whyNotClientsWay(way.to, server);
    if (why !== undefined) throw new Unable(`${TEXT.notPrepared}: ${why}`);
    const name = nameOf(service, server);
    if (!this.#ways.has(name)) throw new Unable(TEXT.notPrepared);
    const found = this.#ways.get(name);
    // So the packet path has it, and drops what is for it.
    if (found === undefined) throw new Failure(TEXT.noRoute);
    if (found.local) return way;
    // To the gateway the virtual address is this host's: it would come back, and another server might answer.
    if (server.method === "dr" && !sameAddress(found.nextHop, server.address)) throw new Failure(TEXT.noNeighbour);
    return undefined;
  }

  #begin({ service, server, virtual, port, protocol }: Conversation): Probing {
    const name = nameOf(service, server);
    const way = this.#ways.get(name);
    const loaded = this.#loaded;
    if (loaded === undefined || way === undefined || !this.#attached.has(way.ifindex)) throw new Unable(TEXT.notPrepared);
    // Whatever the service: the kernel knows the two ends only.
    const peer = `${formatAddress(server.address)} ${port} ${protocol}`;
    const slot = this.#ports.take(peer, nowMs());
    if (slot === undefined) throw new Unable(TEXT.noPort);
    // Nobody is spoken to while the two are not about the same server.
    loaded.probes.update(slot, NOBODY);
    loaded.servers.update(slot, serverValue(0, server, way));
    loaded.probes.update(slot, {
      ...NOBODY,
      server: padded(server.address.bytes),
      virtualAddress: padded(virtual.bytes),
      protocol: PROTOCOLS[protocol],
      family: familyNumber(virtual),
      segmentMax: segmentMax(server, way),
      flags: ProbeFlag.WANTED,
    });
    let over = false;
    return {
      localPort: ProbePort.FIRST + slot,
      wasSeen: () => ((loaded.probes.lookup(slot)?.flags ?? 0) & ProbeFlag.SEEN) !== 0,
      end: (error) => {
        if (over) return;
        over = true;
        // The entry stays until the port has its next turn: the last packets of a connection come after its socket.
        this.#ports.release(slot, peer, nowMs());
        if (error?.code === "EADDRINUSE") this.#ports.leave(slot, nowMs());
      },
    };
  }

  #attachTo(wanted: ReadonlySet<number>): readonly string[] {
    const troubles: string[] = [];
    for (const [ifindex, holds] of this.#attached) {
      if (wanted.has(ifindex) && findLink(ifindex) !== undefined && holds.every((hold) => hold.stands())) continue;
      for (const hold of holds) hold.release();
      this.#attached.delete(ifindex);
    }
    for (const ifindex of wanted) {
      if (this.#attached.has(ifindex)) continue;
      try {
        this.#attached.set(ifindex, this.#attach(ifindex));
      } catch (error) {
        if (!(error instanceof EvenkeelError)) throw error;
        troubles.push(error.message);
      }
    }
    if (this.#attached.size === 0) {
      this.#loaded?.object.close();
      this.#loaded = undefined;
    }
    return troubles;
  }

  #attach(ifindex: number): readonly Hold[] {
    const ifname = findLink(ifindex)?.name;
    if (ifname === undefined) throw new EvenkeelError("INTERFACE_MISSING", `the interface ${ifindex} is gone`);
    this.#loaded ??= load();
    const { object } = this.#loaded;
    const on = (direction: Direction, program: string) => attachWhileOpen(object.program(program).fd, { ifindex, ifname, direction });
    // First the way back: an answer is never met by half of it.
    const back = on("ingress", "probe_in");
    try {
      return [on("egress", "probe_out"), back];
    } catch (error) {
      back.release();
      throw error;
    }
  }
}

/** A service by mark has no address of its own: there the check says to which one of those that are marked. */
function virtualAddress(service: WayWanted["service"], server: RealServer, { to }: Way): Address {
  const isServer = sameAddress(to, server.address);
  if (service.mark) {
    if (isServer) throw new Unable(TEXT.noAddress);
    return to;
  }
  if (!isServer && !sameAddress(to, service.address)) throw new Unable(TEXT.otherAddress);
  return service.address;
}

function load(): Loaded {
  const object = loadObject(bpfObjectPath("clients_way"));
  return {
    object,
    probes: bpfMap("probes", object.map("probes").fd, u32, probeCodec),
    servers: bpfMap("servers", object.map("servers").fd, u32, serverCodec),
  };
}

function nameOf(service: WayWanted["service"], server: RealServer): string {
  return `${serviceName(service)} ${serverName(server)}`;
}

const ANY = { ipv4: "0.0.0.0", ipv6: "::" } as const;

function padded(bytes: Uint8Array): Uint8Array {
  const all = new Uint8Array(16);
  all.set(bytes);
  return all;
}
