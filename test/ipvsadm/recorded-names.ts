/** The names that the machine of the recordings knew: Debian's /etc/services as far as it was asked, and one host. */

import type { Names } from "../../src/cli/ipvsadm/command.ts";

/** Of several names of a port its own comes first. */
const PORTS: Readonly<Record<string, number>> = {
  "http/tcp": 80,
  "www/tcp": 80,
  "http-alt/tcp": 8080,
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

const NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(PORTS)
    .toReversed()
    .map(([name, port]) => {
      const [service = "", protocol] = name.split("/");
      return [`${port}/${protocol}`, service];
    }),
);

export const RECORDED_NAMES: Names = {
  hostAddress: (name) => (name.toLowerCase() === "localhost" ? Uint8Array.from([127, 0, 0, 1]) : undefined),
  hostName: (address) => (address.join(".") === "127.0.0.1" ? "localhost" : undefined),
  portOf: (service, protocol) => PORTS[`${service}/${protocol}`],
  serviceOf: (port, protocol) => NAMES[`${port}/${protocol}`],
};
