/**
 * IPVS as a value: services, servers, connections and templates, moved by packets, by what the administrator does, and by
 * time, which is an argument. The reference that the program in the kernel is compared with, connection by connection.
 */

import type { Address } from "../../model/address.ts";
import type { Occasion } from "../scheduler.ts";
import { type Connection, type ConnectionKey, mayBeReused, newConnection, type Segment, step } from "./connection.ts";
import { ConnectionTable } from "./connection-table.ts";
import { type Destination, type DestinationFacts, newDestination } from "./destination.ts";
import { invalidKey, isInvalidated, isTemplateValid, templateKey, templateServerPort } from "./persistence.ts";
import { familyOf, Service, type ServiceKey, type ServiceRules } from "./service.ts";
import { ServiceTable } from "./service-table.ts";
import { defaultSysctls, defaultTimeouts, type Sysctls, setTimeouts } from "./settings.ts";
import { Trash } from "./trash.ts";

/** A packet of a client, for a virtual address. */
export interface ClientPacket {
  readonly client: Address;
  readonly clientPort: number;
  readonly address: Address;
  readonly port: number;
  /** The firewall mark, 0 = none. */
  readonly mark: number;
  readonly segment: Segment;
}

/** A packet of a real server on its way through the director (NAT). */
export interface ServerPacket {
  readonly server: { readonly address: Address; readonly port: number };
  readonly client: Address;
  readonly clientPort: number;
  readonly segment: Segment;
}

export type Verdict =
  | {
      readonly kind: "forward";
      readonly server: { readonly address: Address; readonly port: number };
      readonly method: Destination["method"];
    }
  /** Not ours: the host's own stack gets it. */
  | { readonly kind: "pass" }
  | { readonly kind: "drop" }
  /** No server takes it: an ICMP port unreachable goes back. */
  | { readonly kind: "unreachable" };

/** Why an order of the administrator was not carried out: the kernel's error. */
export type Refusal = "EEXIST" | "EINVAL" | "ENOENT" | "ERANGE" | "ESRCH";

const FTP_DATA_PORT = 20;
const FTP_PORT = 21;

export class IpvsModel {
  readonly sysctls: Sysctls = defaultSysctls();
  readonly #timeouts = defaultTimeouts();
  readonly #services = new ServiceTable();
  readonly #connections = new ConnectionTable();
  readonly #trash = new Trash();
  readonly #chance: Occasion["chance"];

  constructor(chance: Occasion["chance"]) {
    this.#chance = chance;
  }

  get services(): readonly Service[] {
    return this.#services.all;
  }

  connections(): readonly Connection[] {
    return this.#connections.all();
  }

  setTimeouts(seconds: { tcp: number; tcpFin: number; udp: number }): void {
    setTimeouts(this.#timeouts, seconds);
  }

  addService(key: ServiceKey, rules: ServiceRules, nowMs: number): Refusal | undefined {
    if (this.#services.find(key) !== undefined) return "EEXIST";
    if (!rulesFit(key, rules)) return "EINVAL";
    this.#services.add(new Service(key, rules, nowMs));
    return undefined;
  }

  editService(key: ServiceKey, rules: ServiceRules, nowMs: number): Refusal | undefined {
    const service = this.#services.find(key);
    if (service === undefined) return "ESRCH";
    if (!rulesFit(key, rules)) return "EINVAL";
    service.edit(rules, nowMs);
    return undefined;
  }

  deleteService(key: ServiceKey, nowMs: number): Refusal | undefined {
    const service = this.#services.find(key);
    if (service === undefined) return "ESRCH";
    this.#services.delete(service);
    for (const destination of service.destinations) this.#discard(service, destination, nowMs);
    return undefined;
  }

  deleteAllServices(nowMs: number): void {
    const keys = this.services.map(({ key }) => key);
    for (const key of keys) this.deleteService(key, nowMs);
  }

  addServer(key: ServiceKey, facts: DestinationFacts): Refusal | undefined {
    const service = this.#services.find(key);
    if (service === undefined) return "ESRCH";
    const refusal = refusalOf(key, facts);
    if (refusal !== undefined) return refusal;
    if (service.find(facts) !== undefined) return "EEXIST";
    service.add(this.#trash.take(key, facts) ?? newDestination(facts), facts);
    return undefined;
  }

  editServer(key: ServiceKey, facts: DestinationFacts): Refusal | undefined {
    const service = this.#services.find(key);
    if (service === undefined) return "ESRCH";
    const refusal = refusalOf(key, facts);
    if (refusal !== undefined) return refusal;
    const destination = service.find(facts);
    if (destination === undefined) return "ENOENT";
    service.editDestination(destination, facts);
    return undefined;
  }

  deleteServer(key: ServiceKey, server: Pick<DestinationFacts, "address" | "port">, nowMs: number): Refusal | undefined {
    const service = this.#services.find(key);
    if (service === undefined) return "ESRCH";
    const destination = service.find(server);
    if (destination === undefined) return "ENOENT";
    this.#discard(service, destination, nowMs);
    return undefined;
  }

  /** Lets the time pass: connections and servers in the trash expire. */
  advance(nowMs: number): void {
    this.#connections.advance(nowMs);
    this.#trash.advance(nowMs);
  }

  /** A packet of a client. What it tells to expire does so with the next tick: `advance`, at the same time or later. */
  incoming(packet: ClientPacket, nowMs: number): Verdict {
    const key = keyOf(packet);
    const found = this.#connections.find(key);
    const present = found === undefined || this.#isReplaced(found, packet, nowMs) ? undefined : found;
    if (present !== undefined && !present.destination.available) {
      if (this.sysctls.expire_nodest_conn === 0) return { kind: "drop" };
      this.#connections.expireSoon(present, nowMs);
    } else if (present !== undefined) {
      return this.#forward(present, packet, nowMs);
    }
    const made = this.#schedule(packet, key, nowMs);
    return "kind" in made ? made : this.#forward(made, packet, nowMs);
  }

  /** A packet of a server; whether it belongs to a connection. */
  outgoing(packet: ServerPacket, nowMs: number): boolean {
    const connection = this.#connections.findReply({ protocol: packet.segment.protocol, ...packet }, packet.server);
    if (connection === undefined) return false;
    step(connection, "out", packet.segment, this.#timeouts);
    this.#connections.rearm(connection, nowMs);
    return true;
  }

  /** Whether a packet that looks like a first one ends the connection that has its addresses. */
  #isReplaced(connection: Connection, { segment }: ClientPacket, nowMs: number): boolean {
    if (!isFirst(segment)) return false;
    const quiesced = this.sysctls.expire_nodest_conn !== 0 && connection.destination.weight === 0;
    if (!quiesced && !mayBeReused(connection, this.sysctls.conn_reuse_mode)) return false;
    if (connection.controlled === 0) this.#connections.expireSoon(connection, nowMs);
    return true;
  }

  #forward(connection: Connection, { segment }: ClientPacket, nowMs: number): Verdict {
    step(connection, "in", segment, this.#timeouts);
    // A one-packet connection was never entered into the table, and ends with its packet.
    if (connection.onePacket) this.#connections.expireNow(connection, nowMs);
    else this.#connections.rearm(connection, nowMs);
    return { kind: "forward", server: connection.server, method: connection.method };
  }

  #schedule(packet: ClientPacket, key: ConnectionKey, nowMs: number): Connection | Verdict {
    if (!this.#maySchedule(packet.segment)) return { kind: "pass" };
    const target = { protocol: packet.segment.protocol, address: packet.address, port: packet.port, mark: packet.mark };
    const service = this.#services.lookUp(target, this.sysctls.unprivileged_port_start);
    if (service === undefined || packet.clientPort === FTP_DATA_PORT) return { kind: "pass" };

    const { persistence } = service.rules;
    if (persistence !== undefined) return this.#schedulePersistent(service, persistence, packet, key, nowMs);
    // Another port than the service's own needs persistence, or nothing would hold a client's connections together.
    const wrongPort = service.key.kind === "address" && packet.port !== service.port;
    const destination = wrongPort ? undefined : this.#choose(service, packet, nowMs);
    if (destination === undefined) return leave(service, packet);
    return this.#connect(service, destination, key, destination.port === 0 ? packet.port : destination.port, undefined);
  }

  /** The template says the server; without one the scheduler does, and makes one. */
  #schedulePersistent(
    service: Service,
    persistence: NonNullable<ServiceRules["persistence"]>,
    packet: ClientPacket,
    key: ConnectionKey,
    nowMs: number,
  ): Connection | Verdict {
    const wanted = templateKey(service, persistence, { ...key, virtualAddress: packet.address });
    const found = this.#connections.find(wanted);
    const valid = found !== undefined && isTemplateValid(found, this.sysctls);
    if (found !== undefined && !valid && !isInvalidated(found)) {
      found.server.port = 0xffff;
      this.#connections.rename(found, invalidKey(found.key));
    }
    let template = valid ? found : undefined;
    if (template === undefined) {
      const destination = this.#choose(service, packet, nowMs);
      if (destination === undefined) return leave(service, packet);
      const server = { address: destination.address, port: templateServerPort(service, packet.port, destination.port) };
      template = newConnection({ key: wanted, server, destination, onePacket: false }, "template");
      template.timeoutSeconds = persistence.timeoutSeconds;
      this.#connections.add(template);
    }
    const { destination } = template;
    const mapped = packet.port === service.port && destination.port !== 0;
    const connection = this.#connect(service, destination, key, mapped ? destination.port : packet.port, template);
    this.#connections.rearm(template, nowMs);
    return connection;
  }

  #connect(service: Service, destination: Destination, key: ConnectionKey, port: number, template: Connection | undefined): Connection {
    const onePacket = service.rules.onePacket && key.protocol === "udp";
    const connection = newConnection({ key, server: { address: destination.address, port }, destination, onePacket }, "connection");
    if (template !== undefined) {
      connection.control = template;
      template.controlled++;
    }
    if (!onePacket) this.#connections.add(connection);
    return connection;
  }

  #choose(service: Service, packet: ClientPacket, nowMs: number): Destination | undefined {
    const { client, clientPort, address, port } = packet;
    const { lblc_expiration, lblcr_expiration } = this.sysctls;
    const expiration = service.rules.schedulerName === "lblcr" ? lblcr_expiration : lblc_expiration;
    return service.schedule(
      { client, clientPort, destination: address, destinationPort: port },
      { nowMs, cacheExpirationMs: expiration * 1000, chance: this.#chance },
    );
  }

  #maySchedule(segment: Segment): boolean {
    if (segment.protocol === "udp") return true;
    if (segment.protocol === "sctp") return segment.chunk === "INIT" || (this.sysctls.sloppy_sctp !== 0 && segment.chunk !== "ABORT");
    return !segment.flags.rst && (segment.flags.syn || this.sysctls.sloppy_tcp !== 0);
  }

  /** Deletes a server from its service. Its connections stay, or, with expire_nodest_conn, go at once. */
  #discard(service: Service, destination: Destination, nowMs: number): void {
    service.remove(destination);
    this.#trash.put(service.key, destination, nowMs);
    if (this.sysctls.expire_nodest_conn === 0) return;
    for (const connection of this.#connections.all()) {
      if (connection.destination.available || connection.controlled > 0) continue;
      const { control } = connection;
      this.#connections.drop(connection, nowMs);
      if (control !== undefined && control.controlled === 0) this.#connections.drop(control, nowMs);
    }
  }
}

function keyOf({ segment, client, clientPort, address, port }: ClientPacket): ConnectionKey {
  return { protocol: segment.protocol, client, clientPort, virtualAddress: address, virtualPort: port };
}

function isFirst(segment: Segment): boolean {
  if (segment.protocol === "tcp") return segment.flags.syn;
  return segment.protocol === "sctp" && segment.chunk === "INIT";
}

/** A service that has no server for this packet. */
function leave(service: Service, { port }: ClientPacket): Verdict {
  return service.port === FTP_PORT && port !== FTP_PORT ? { kind: "pass" } : { kind: "unreachable" };
}

export function rulesFit(key: ServiceKey, { persistence }: ServiceRules): boolean {
  if (persistence === undefined || familyOf(key) === "ipv4") return true;
  return persistence.prefixLength >= 1 && persistence.prefixLength <= 128;
}

/** Why a server cannot be one of this service. */
export function refusalOf(key: ServiceKey, facts: DestinationFacts): Refusal | undefined {
  const { weight, lowerThreshold, upperThreshold } = facts;
  if (weight < 0 || lowerThreshold > upperThreshold) return "ERANGE";
  if (facts.address.family !== familyOf(key) && facts.method !== "tun") return "EINVAL";
  return undefined;
}
