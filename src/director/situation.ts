/** What a choice depends on, out of the packet path's maps: as the schedulers of src/scheduler see it. */

import { jiffiesPerSecond } from "../kernel/clock.ts";
import { addressFromBytes } from "../model/address.ts";
import type { Locality as RememberedServers, Situation } from "../scheduler/account/account.ts";
import type { Candidate } from "../scheduler/scheduler.ts";
import { LoadFlag, type Plan, PlanFlag, Scheduler, type ServerLoad } from "../wire/abi.ts";
import type { Question } from "./explanation.ts";
import type { PacketPath } from "./packet-path.ts";
import type { Member } from "./plan-table.ts";
import { serverOf } from "./server-value.ts";
import { tickMs } from "./timeouts.ts";
import type { Sight } from "./trial.ts";

/** `members`: the plan's, in walk order. */
export function situationOf(path: PacketPath, members: readonly Member[], sight: Sight, question: Question): Situation {
  const { plan, loads } = sight;
  const servers = members.map((member): Candidate => ({ ...member, ...carried(loads.get(member.number)) }));
  return {
    servers,
    flow: {
      client: question.client,
      clientPort: question.clientPort ?? 0,
      destination: question.destination?.address ?? addressFromBytes(new Uint8Array(question.client.family === "ipv4" ? 4 : 16)),
      destinationPort: question.destination?.port ?? 0,
    },
    anyPort: question.clientPort === undefined,
    fallback: (plan.flags & PlanFlag.FALLBACK) !== 0,
    usePort: (plan.flags & PlanFlag.PORT) !== 0,
    cursor: { position: Number(plan.cursor & 0xffff_ffffn), currentWeight: Number(plan.cursor >> 32n) },
    table: tableOf(path, plan),
    locality: rememberedBy(path, sight, new Map(members.map(({ number }, i) => [number, servers[i]]))),
  };
}

function carried(load: ServerLoad | undefined): Pick<Candidate, "active" | "total" | "overloaded"> {
  const { active, total, flags } = load ?? { active: 0, total: 0, flags: 0 };
  return { active, total, overloaded: (flags & LoadFlag.OVERLOADED) !== 0 };
}

/** bucket_server() of bpf/schedule_hash.h. */
function tableOf({ buckets }: PacketPath, { firstBucket, bucketCount }: Plan): number[] {
  const elements = Array.from({ length: Math.ceil(bucketCount / 4) }, (_, i) => buckets.read(firstBucket / 4 + i).position);
  return elements.flat().slice(0, bucketCount);
}

/** Numbers are hints: only servers of this service count, in its list or deleted (plan_server() of bpf/schedule_locality.h). */
function rememberedBy(
  { servers }: PacketPath,
  { plan, locality, loads, nowTicks }: Sight,
  listed: ReadonlyMap<number, Candidate | undefined>,
): RememberedServers | undefined {
  if (locality === undefined) return undefined;
  const numbers = locality.server.slice(0, plan.scheduler === Scheduler.LBLC ? Math.min(locality.count, 1) : locality.count);
  const ms = tickMs(jiffiesPerSecond());
  return {
    servers: numbers.toReversed().flatMap((number): Candidate[] => {
      const known = listed.get(number);
      if (known !== undefined) return [known];
      const value = servers.read(number);
      if (value.service !== plan.service) return [];
      const { address, port, weight } = serverOf(value);
      return [{ address, port, weight, lastWeight: weight, ...carried(loads.get(number)) }];
    }),
    idleMs: ((nowTicks - locality.lastUse) >>> 0) * ms,
    unchangedMs: ((nowTicks - locality.lastChange) >>> 0) * ms,
    expirationMs: plan.memoryTicks * ms,
  };
}
