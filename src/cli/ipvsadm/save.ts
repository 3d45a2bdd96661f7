/** `ipvsadm -S`: the lines by which `ipvsadm -R` makes the same services and servers. What ipvsadm has no word for, they do not say; nor thresholds. */

import type { ForwardingMethod, RealServer, VirtualService } from "../../model/service.ts";
import type { Names } from "./command.ts";
import { type EndText, endText } from "./end-text.ts";
import { type Order, savedInOrder } from "./order.ts";
import { clientMaskText, schedulerFlagNames } from "./service-words.ts";

const SERVICE_OPTION = { tcp: "-t", udp: "-u", sctp: "--sctp-service" } as const satisfies Record<VirtualService["protocol"], string>;
const METHOD_OPTION = { nat: "-m", dr: "-g", tun: "-i" } as const satisfies Record<ForwardingMethod, string>;

export interface SaveOptions extends Order {
  /** Left out: numeric. */
  readonly names?: Names;
  /** ipvsadm's own -S leaves them out. */
  readonly thresholds?: boolean;
}

export function save(services: readonly VirtualService[], { names, thresholds = false, ...order }: SaveOptions = {}): string {
  const end = endText(names);
  return savedInOrder(services, order)
    .map((service) => {
      const name = serviceArguments(service, end);
      const servers = service.servers.map(
        (server) => `-a ${name} ${serverArguments(service, server, end)}${thresholds ? thresholdArguments(server) : ""}\n`,
      );
      return `-A ${name} ${ruleArguments(service)}\n${servers.join("")}`;
    })
    .join("");
}

/** "-t 207.1.1.1:80", "-f 10 -6". A mark of 2^31 and more is negative, as ipvsadm writes it: its own -R does not take it back. */
function serviceArguments({ address, port, protocol, mark }: VirtualService, end: EndText): string {
  if (mark) return `-f ${mark | 0}${address.family === "ipv6" ? " -6" : ""}`;
  return `${SERVICE_OPTION[protocol]} ${end(address, port, protocol)}`;
}

/** "-s rr -p 360 -M 255.255.255.0 --pe sip -o -b sh-port". */
function ruleArguments(service: VirtualService): string {
  const { scheduler, persistence, persistenceEngine, onePacket } = service;
  const mask = clientMaskText(service);
  const flags = schedulerFlagNames(service);
  return [
    `-s ${scheduler}`,
    ...(persistence === undefined ? [] : [`-p ${persistence.timeoutSeconds}`]),
    ...(mask === undefined ? [] : [`-M ${mask}`]),
    ...(persistenceEngine === undefined ? [] : [`--pe ${persistenceEngine}`]),
    ...(onePacket ? ["-o"] : []),
    ...(flags === undefined ? [] : [`-b ${flags}`]),
  ].join(" ");
}

/** "-r 192.168.1.1:80 -m -w 1". */
function serverArguments({ mark, protocol }: VirtualService, server: RealServer, end: EndText): string {
  const { address, port, method, weight } = server;
  const name = end(address, port, mark ? undefined : protocol);
  return `-r ${name} ${METHOD_OPTION[method]} -w ${weight}${method === "tun" ? tunnelArguments(server) : ""}`;
}

/** " -x 1000 -y 800" */
function thresholdArguments({ upperThreshold = 0, lowerThreshold = 0 }: RealServer): string {
  return `${upperThreshold === 0 ? "" : ` -x ${upperThreshold}`}${lowerThreshold === 0 ? "" : ` -y ${lowerThreshold}`}`;
}

function tunnelArguments({ tunnel = { type: "ipip" } }: RealServer): string {
  const { type, port, checksum, remoteChecksum } = tunnel;
  if (type === "ipip") return ` --tun-type ${type}`;
  const sum = remoteChecksum ? "remcsum" : checksum ? "csum" : "nocsum";
  return ` --tun-type ${type}${type === "gue" ? ` --tun-port ${port ?? 0}` : ""} --tun-${sum}`;
}
