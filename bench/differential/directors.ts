/** The two that are compared, behind one interface: the kernel's IPVS, and our packet path. */

import { readFileSync } from "node:fs";
import { BpfPlane } from "../../src/director/bpf-plane.ts";
import { PacketPath } from "../../src/director/packet-path.ts";
import { perform } from "../../src/director/replay/case-orders.ts";
import { connectionLines } from "../../src/director/replay/connection-lines.ts";
import { inNamespace } from "../../src/kernel/namespace.ts";
import { run } from "../../src/lab/commands.ts";
import { formatEndpoint } from "../../src/model/address.ts";
import { DEFAULT_SETTINGS } from "../../src/model/plane.ts";
import { parseOrder } from "../../src/scheduler/recording/ipvsadm.ts";
import type { Network } from "./network.ts";

export interface Director {
  /** What was said when it was refused. */
  order(words: readonly string[]): string;
  /** Each server of each service, sorted: `tcp 207.1.1.1:80 -> 192.168.1.1:80 weight 1 active 2 inactive 3`. */
  servers(): readonly string[];
  /** As /proc/net/ip_vs_conn has them, fields by single spaces, in any order. */
  connections(): readonly string[];
  close(): void;
}

export class Ipvs implements Director {
  readonly #network: Network;

  constructor(network: Network) {
    this.#network = network;
  }

  order(words: readonly string[]): string {
    // Emulated on a busy machine it may take a while.
    run("ip", ["netns", "exec", this.#network.namespace("director"), "ipvsadm", ...words], { timeoutMs: 120_000 });
    return "";
  }

  servers(): readonly string[] {
    let service = "";
    return this.#read("ip_vs")
      .flatMap((line) => {
        const [first = "", second = "", third = "", weight, active, inactive] = line.trim().split(/\s+/);
        if (first === "TCP" || first === "UDP") service = `${first.toLowerCase()} ${endpoint(second)}`;
        if (first !== "->" || !/^[0-9A-F]{8}:/.test(second)) return [];
        return [`${service} -> ${endpoint(second)} ${third} weight ${weight} active ${active} inactive ${inactive}`];
      })
      .sort();
  }

  connections(): readonly string[] {
    return this.#read("ip_vs_conn")
      .slice(1)
      .map((line) => line.trim().split(/\s+/).slice(0, 9).join(" "));
  }

  close(): void {}

  #read(file: string): string[] {
    return inNamespace(this.#network.path("director"), () => readFileSync(`/proc/thread-self/net/${file}`, "utf8"))
      .split("\n")
      .filter((line) => line !== "");
  }
}

/** As /proc/net/ip_vs calls them. */
const METHOD_NAMES = { nat: "Masq", dr: "Route", tun: "Tunnel" } as const;

export class Evenkeel implements Director {
  readonly #namespace: string;
  readonly #path: PacketPath;
  readonly #plane: BpfPlane;

  constructor(network: Network) {
    const namespace = network.path("director");
    this.#namespace = namespace;
    [this.#path, this.#plane] = inNamespace(namespace, () => {
      const path = PacketPath.create({ connectionsMax: 4000 });
      const plane = new BpfPlane(path);
      for (const interfaceName of ["front", "back"]) plane.apply({ kind: "attach", attachment: { interfaceName, hook: "tc" } });
      return [path, plane] as const;
    });
  }

  order(words: readonly string[]): string {
    const order = parseOrder(words);
    return inNamespace(this.#namespace, () => {
      if (order.kind === "nothing") return "";
      if (order.kind === "timeouts") {
        const { tcp, tcpFin, udp } = order;
        const before = this.#plane.read().settings ?? DEFAULT_SETTINGS;
        this.#plane.apply({ kind: "edit-settings", before, after: { ...before, timeouts: { tcp, tcpFin, udp } } });
        return "";
      }
      const refused = perform(this.#plane, order, { tcp: false, sctp: false });
      this.#plane.tidy();
      return refused ?? "";
    });
  }

  servers(): readonly string[] {
    return inNamespace(this.#namespace, () =>
      this.#plane
        .counters()
        .servers.map(({ service, server, active, inactive }) => {
          const names = `${service.protocol} ${formatEndpoint(service.address, service.port)} -> ${formatEndpoint(server.address, server.port)}`;
          return `${names} ${METHOD_NAMES[server.method]} weight ${server.weight} active ${active} inactive ${inactive}`;
        })
        .sort(),
    );
  }

  connections(): readonly string[] {
    return inNamespace(this.#namespace, () => connectionLines(this.#path));
  }

  close(): void {
    inNamespace(this.#namespace, () => {
      this.#plane.close();
      PacketPath.remove();
    });
  }
}

/** "CF010101:0050" */
function endpoint(text: string): string {
  const [address = "", port = ""] = text.split(":");
  return `${(address.match(/../g) ?? []).map((byte) => Number.parseInt(byte, 16)).join(".")}:${Number.parseInt(port, 16)}`;
}
