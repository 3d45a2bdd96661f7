/** Which services and servers people mean: by the label that the configuration gives, by the name that lists show, or by a part of it. */

import { didYouMean } from "../../config/suggest.ts";
import { type Address, formatAddress } from "../../model/address.ts";
import { type Endpoint, parseEndpoint } from "../../model/endpoint.ts";
import { EvenkeelError } from "../../model/error.ts";
import type { RealServer, VirtualService } from "../../model/service.ts";
import { serverName, serviceName } from "../../model/service.ts";
import type { ServerReference } from "../director.ts";

type Service = Pick<VirtualService, "address" | "port" | "protocol" | "mark"> & {
  readonly name: string | undefined;
  readonly servers: readonly Pick<RealServer, "address" | "port">[];
};

/** All that are meant. Throws NO_SUCH_SERVICE. */
export function servicesMeant<Each extends Service>(reference: string, services: readonly Each[]): Each[] {
  const labelled = services.filter(({ name }) => name === reference);
  const found = labelled.length > 0 ? labelled : services.filter(serviceTest(reference));
  if (found.length === 0) {
    const names = services.flatMap(({ name }) => (name === undefined ? [] : [name]));
    throw new EvenkeelError("NO_SUCH_SERVICE", `there is no service ${reference}${didYouMean(reference, names)}`, {
      cure: 'evenkeel services lists them; name one by its name, "192.0.2.10:80", "tcp 192.0.2.10:80" or "mark 1"',
    });
  }
  return found;
}

export interface Meant<Each> {
  readonly service: Each;
  /** Its place in the service. */
  readonly server: number;
}

/** Throws NO_SUCH_SERVICE, NO_SUCH_SERVER. */
export function serversMeant<Each extends Service>({ service, server }: ServerReference, services: readonly Each[]): Meant<Each>[] {
  const within = service === undefined ? services : servicesMeant(service, services);
  const isMeant = serverTest(server);
  const found = within.flatMap((each) => each.servers.flatMap((one, i) => (isMeant(one) ? [{ service: each, server: i }] : [])));
  if (found.length === 0) {
    const where = service === undefined ? "any service" : `the service ${service}`;
    throw new EvenkeelError("NO_SUCH_SERVER", `there is no server ${server} in ${where}`, {
      cure: 'evenkeel servers lists them; name one by "10.0.0.11" or "10.0.0.11:80"',
    });
  }
  return found;
}

function serviceTest(reference: string): (service: Service) => boolean {
  const mark = /^mark (\d+)(?: (ipv4|ipv6))?$/.exec(reference);
  if (mark !== null) return (service) => service.mark === Number(mark[1]) && (mark[2] === undefined || mark[2] === service.address.family);
  const [, protocol, place = reference] = /^(tcp|udp|sctp) (.+)$/.exec(reference) ?? [];
  const end = endpoint(place);
  if (end === undefined) return (service) => serviceName(service) === reference;
  return (service) => !service.mark && (protocol === undefined || service.protocol === protocol) && isAt(end, service);
}

function serverTest(reference: string): (server: Pick<RealServer, "address" | "port">) => boolean {
  const end = endpoint(reference);
  return end === undefined ? (server) => serverName(server) === reference : (server) => isAt(end, server);
}

/** Undefined: no address at all, so it names nothing in this way. */
function endpoint(text: string): Endpoint | undefined {
  try {
    return parseEndpoint(text);
  } catch (error) {
    if (error instanceof EvenkeelError) return undefined;
    throw error;
  }
}

function isAt(end: Endpoint, { address, port }: { readonly address: Address; readonly port: number }): boolean {
  return formatAddress(end.address) === formatAddress(address) && (end.port === undefined || end.port === port);
}
