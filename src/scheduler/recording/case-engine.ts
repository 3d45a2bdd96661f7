/** A whole director under replay: what a recorded case needs of it. The model here, later the program in the kernel. */

import type { ClientPacket, Refusal, ServerPacket, Verdict } from "../ipvs-model/ipvs-model.ts";
import { IpvsModel } from "../ipvs-model/ipvs-model.ts";
import { connectionLine, type ServerRow, serverRow } from "../ipvs-model/listing.ts";
import type { Occasion } from "../scheduler.ts";
import type { Order } from "./ipvsadm.ts";
import { BadRecording } from "./recorded.ts";

export interface CaseEngine {
  /** Every case begins with an empty director at time 0. */
  order(order: Order, nowMs: number): Refusal | undefined;
  sysctl(name: string, value: number): void;
  incoming(packet: ClientPacket, nowMs: number): Verdict;
  outgoing(packet: ServerPacket, nowMs: number): void;
  advance(nowMs: number): void;
  /** Of every service, its servers in walk order. */
  servers(): ServerRow[];
  /** Of each of these servers, the templates that lead to it. */
  persistent(): number[];
  /** Lets what was told to expire do so: the kernel does it with the next tick, so a look in between still sees it. */
  settle(nowMs: number): void;
  /** As /proc/net/ip_vs_conn has them, in any order. */
  connections(nowMs: number): string[];
}

/** Sysctls that change packets but no choice: a recording may set them. */
export const WITHOUT_EFFECT = new Set([
  "amemthresh",
  "am_droprate",
  "cache_bypass",
  "ignore_tunneled",
  "nat_icmp_send",
  "pmtu_disc",
  "run_estimation",
  "schedule_icmp",
  "snat_reroute",
  "sync_persist_mode",
  "sync_ports",
  "sync_qlen_max",
  "sync_refresh_period",
  "sync_retries",
  "sync_sock_size",
  "sync_threshold",
  "sync_version",
]);

export class ModelEngine implements CaseEngine {
  readonly #model: IpvsModel;

  constructor(chance: Occasion["chance"]) {
    this.#model = new IpvsModel(chance);
  }

  order(order: Order, nowMs: number): Refusal | undefined {
    const model = this.#model;
    switch (order.kind) {
      case "add-service":
        return model.addService(order.key, order.rules, nowMs);
      case "edit-service":
        return model.editService(order.key, order.rules, nowMs);
      case "delete-service":
        return model.deleteService(order.key, nowMs);
      case "add-server":
        return model.addServer(order.key, order.facts);
      case "edit-server":
        return model.editServer(order.key, order.facts);
      case "delete-server":
        return model.deleteServer(order.key, order.server, nowMs);
      case "clear":
        model.deleteAllServices(nowMs);
        return undefined;
      case "timeouts":
        model.setTimeouts(order);
        return undefined;
      case "nothing":
        return undefined;
    }
  }

  sysctl(name: string, value: number): void {
    const key = name.replace(/^net\.ipv4\.(vs\.|ip_)/, "");
    const { sysctls } = this.#model;
    if (Object.hasOwn(sysctls, key)) sysctls[key as keyof typeof sysctls] = value;
    else if (!WITHOUT_EFFECT.has(key) && value !== 0) throw new BadRecording(`the sysctl ${name} = ${value} cannot be replayed`);
  }

  incoming(packet: ClientPacket, nowMs: number): Verdict {
    return this.#model.incoming(packet, nowMs);
  }

  outgoing(packet: ServerPacket, nowMs: number): void {
    this.#model.outgoing(packet, nowMs);
  }

  advance(nowMs: number): void {
    this.#model.advance(nowMs);
  }

  servers(): ServerRow[] {
    return this.#model.services.flatMap((service) => service.destinations.map(serverRow));
  }

  persistent(): number[] {
    return this.#model.services.flatMap((service) => service.destinations.map(({ persistent }) => persistent));
  }

  settle(nowMs: number): void {
    this.#model.advance(nowMs);
  }

  connections(nowMs: number): string[] {
    return this.#model.connections().map((connection) => connectionLine(connection, nowMs));
  }
}
