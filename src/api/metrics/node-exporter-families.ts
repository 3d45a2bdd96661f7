/**
 * The same by the names and labels that node_exporter's ipvs collector gives them (collector/ipvs_linux.go), for dashboards and alerts that were made for
 * IPVS. It reads /proc/net/ip_vs, which a service by mark stands in as FWM with its mark in eight hexadecimal digits.
 */

import { formatAddress } from "../../model/address.ts";
import type { Counters, ServerCounters } from "../../model/plane.ts";
import { type Family, labelText, sample } from "./exposition.ts";

export function nodeExporterFamilies({ services, servers }: Counters): Family[] {
  const known = servers.map((counted) => ({ counted, labels: labelText(backendLabels(counted)) }));
  const total = (name: string, help: string, of: "connections" | "packetsIn" | "packetsOut" | "bytesIn" | "bytesOut"): Family => ({
    name,
    help,
    type: "counter",
    samples: [
      sample(
        name,
        "",
        services.reduce((sum, counted) => sum + counted[of], 0n),
      ),
    ],
  });
  const backend = (name: string, help: string, value: (counted: ServerCounters) => number): Family => ({
    name,
    help,
    type: "gauge",
    samples: known.map(({ counted, labels }) => sample(name, labels, value(counted))),
  });
  return [
    total("node_ipvs_connections_total", "The total number of connections made.", "connections"),
    total("node_ipvs_incoming_packets_total", "The total number of incoming packets.", "packetsIn"),
    total("node_ipvs_outgoing_packets_total", "The total number of outgoing packets.", "packetsOut"),
    total("node_ipvs_incoming_bytes_total", "The total amount of incoming data.", "bytesIn"),
    total("node_ipvs_outgoing_bytes_total", "The total amount of outgoing data.", "bytesOut"),
    backend("node_ipvs_backend_connections_active", "The current active connections by local and remote address.", ({ active }) => active),
    backend(
      "node_ipvs_backend_connections_inactive",
      "The current inactive connections by local and remote address.",
      ({ inactive }) => inactive,
    ),
    backend("node_ipvs_backend_weight", "The current backend weight by local and remote address.", ({ server }) => server.weight),
  ];
}

function backendLabels({ service, server }: ServerCounters): Record<string, string> {
  const { mark = 0 } = service;
  const remote = { remote_address: formatAddress(server.address), remote_port: `${server.port}` };
  if (mark === 0) {
    const local = { local_address: formatAddress(service.address), local_port: `${service.port}` };
    return { ...local, ...remote, proto: service.protocol.toUpperCase(), local_mark: "" };
  }
  return { local_address: "", local_port: "0", ...remote, proto: "FWM", local_mark: mark.toString(16).toUpperCase().padStart(8, "0") };
}
