/** The crowd on a stage of its own. */

import { randomInt } from "node:crypto";
import type { TestContext } from "node:test";
import type { PacketPathOptions } from "../../src/director/packet-path.ts";
import type { VirtualService } from "../../src/model/service.ts";
import { need } from "../need.ts";
import { CROWD_SERVICES, type Crowd, crowd } from "./crowd.ts";
import { Stage } from "./stage.ts";

/** A stage with the crowd's services, or others, for one test; the seed is printed. */
export async function onCrowdStage(
  t: TestContext,
  { services = CROWD_SERVICES, ...options }: PacketPathOptions & { readonly services?: readonly VirtualService[] },
  work: (stage: Stage, people: Crowd, seed: number) => void | Promise<void>,
): Promise<void> {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth")) return;
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const stage = new Stage(options);
  try {
    stage.inside(() => {
      for (const service of services) stage.plane.apply({ kind: "add-service", service });
      stage.settle();
    });
    await work(stage, crowd(seed, stage.macs.front), seed);
  } finally {
    stage.close();
  }
}
