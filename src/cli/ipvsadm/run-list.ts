/** `ipvsadm -L` and `-S`: the packet path's state, read and printed. Where there is no packet path there is nothing to list. */

import { inspect } from "../../director/apply.ts";
import type { BpfPlane } from "../../director/bpf-plane.ts";
import { readConnections } from "../../director/read-connections.ts";
import type { ServiceName } from "../../model/edit.ts";
import { EvenkeelError } from "../../model/error.ts";
import { type Counters, DEFAULT_SETTINGS } from "../../model/plane.ts";
import { serviceName } from "../../model/service.ts";
import { cannotList } from "./answers.ts";
import type { Command } from "./command.ts";
import { jsonConnections, jsonDaemons, jsonServices, jsonTimeouts } from "./json.ts";
import { listConnections } from "./list-connections.ts";
import { listDaemons } from "./list-daemons.ts";
import { listServices } from "./list-services.ts";
import { listTimeouts } from "./list-timeouts.ts";
import { systemNames } from "./names.ts";
import type { Surroundings } from "./run.ts";
import { save } from "./save.ts";
import { listedServices } from "./view.ts";

type Listing = Extract<Command, { kind: "list-services" | "list-connections" | "list-timeouts" | "list-daemons" | "save" }>;

const NOTHING: Counters = { services: [], servers: [], marks: [], outcomes: {} };

export async function runList(command: Listing, surroundings: Surroundings): Promise<number> {
  try {
    await list(command, surroundings);
    return 0;
  } catch (error) {
    if (error instanceof EvenkeelError) throw cannotList(error);
    throw error;
  }
}

async function list(command: Listing, { stdout, walkSalt }: Surroundings): Promise<void> {
  const { format } = command;
  const salt = walkSalt === undefined ? {} : { salt: walkSalt };
  const names = systemNames();
  switch (command.kind) {
    case "list-services": {
      const { service } = command;
      const counters = (await inspect((plane) => countersOf(plane, service))) ?? NOTHING;
      if (service !== undefined && counters.services.length === 0)
        throw new EvenkeelError("NO_SUCH_SERVICE", `there is no service ${serviceName(service)}`);
      const listed = listedServices(counters);
      stdout(
        format.json
          ? jsonServices(listed, { unsorted: format.unsorted, ...salt })
          : listServices(listed, { format, names, one: service !== undefined, ...salt }),
      );
      break;
    }
    case "list-connections":
      await printConnections(command, stdout);
      break;
    case "list-timeouts": {
      const { timeouts } = (await inspect((plane) => plane.settings())) ?? DEFAULT_SETTINGS;
      stdout(format.json ? jsonTimeouts(timeouts) : listTimeouts(timeouts));
      break;
    }
    case "list-daemons": {
      const daemons = (await inspect((plane) => plane.syncDaemons())) ?? [];
      stdout(format.json ? jsonDaemons(daemons) : listDaemons(daemons));
      break;
    }
    case "save": {
      const services = (await inspect((plane) => plane.read().services)) ?? [];
      stdout(save(services, { ...(format.numeric ? {} : { names }), ...salt }));
      break;
    }
  }
}

function countersOf(plane: BpfPlane, wanted: ServiceName | undefined): Counters {
  const counters = plane.counters();
  if (wanted === undefined) return counters;
  const isWanted = ({ service }: { readonly service: ServiceName }) => serviceName(service) === serviceName(wanted);
  return { ...counters, services: counters.services.filter(isWanted), servers: counters.servers.filter(isWanted) };
}

function printConnections(
  { filter, format }: Extract<Listing, { kind: "list-connections" }>,
  stdout: Surroundings["stdout"],
): Promise<void> {
  return readConnections((reader) => {
    const connections = reader?.connections(filter) ?? [];
    const chunks = format.json ? jsonConnections(connections) : listConnections(connections, { format, names: systemNames() });
    for (const chunk of chunks) stdout(chunk);
  });
}
