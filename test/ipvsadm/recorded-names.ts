/** The names that the machine of the recordings knew: Debian's /etc/services as far as it was asked, and one host. */

import type { Names } from "../../src/cli/ipvsadm/command.ts";

const PORTS: Readonly<Record<string, number>> = {
  "http/tcp": 80,
  "www/tcp": 80,
  "https/tcp": 443,
  "https/udp": 443,
  "domain/tcp": 53,
  "domain/udp": 53,
  "tftp/udp": 69,
  "ssh/tcp": 22,
  "shell/tcp": 514,
  "syslog/tcp": 514,
  "syslog/udp": 514,
  "sip/tcp": 5060,
  "sip/udp": 5060,
};

export const RECORDED_NAMES: Names = {
  hostAddress: (name) => (name.toLowerCase() === "localhost" ? Uint8Array.from([127, 0, 0, 1]) : undefined),
  hostName: () => undefined,
  portOf: (service, protocol) => PORTS[`${service}/${protocol}`],
  serviceOf: () => undefined,
};
