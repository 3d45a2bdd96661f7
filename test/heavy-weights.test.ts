/** Weights go up to 2^31 - 1 (ipvsadm -w): no sum and no product of them runs over in the packet path, and every scheduler still chooses. */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, type TestContext, test } from "node:test";
import { parseAddress } from "../src/model/address.ts";
import { SCHEDULERS, type SchedulerName, type VirtualService } from "../src/model/service.ts";
import { ask } from "./explain/cast.ts";
import { need } from "./need.ts";
import { server, service, VIPS } from "./packet-rows/cast.ts";
import { Stage } from "./packet-rows/stage.ts";

const HEAVIEST = 2 ** 31 - 1;
const DRAWS = 2000;

let shared: Stage | undefined;
after(() => shared?.close());

/** An empty stage with one service. */
function onStage(scheduler: SchedulerName, weights: readonly number[], work: (stage: Stage, heavy: VirtualService) => void) {
  shared ??= new Stage({ connectionsMax: 1000 });
  const stage = shared;
  stage.inside(() => {
    stage.clear();
    const servers = weights.map((weight, i) => server("ipv4", "nat", { n: i + 1, weight }));
    const heavy = service("ipv4", servers, { scheduler });
    stage.plane.apply({ kind: "add-service", service: heavy });
    stage.settle();
    work(stage, heavy);
  });
}

const needed = (t: TestContext) => need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth");

/** How often each of a service's servers is chosen, in walk order. */
function drawn(stage: Stage, heavy: VirtualService): number[] {
  const plan = stage.plane.planOf(heavy);
  const numbers = serversOf(stage, heavy);
  const chosen = Array.from({ length: DRAWS }, () => stage.path.choose(plan));
  assert.ok(
    chosen.every((each) => each !== undefined && numbers.includes(each)),
    "somebody is always chosen",
  );
  return numbers.map((number) => chosen.filter((each) => each === number).length);
}

function serversOf({ path, plane }: Stage, heavy: VirtualService): number[] {
  const plan = path.maps.plans.lookup(plane.planOf(heavy));
  assert.ok(plan !== undefined);
  return Array.from({ length: plan.count }, (_, i) => path.candidates.read(plan.first + i).server);
}

test("twos draws by weights whose sum is 2^32", (t) => {
  if (!needed(t)) return;
  onStage("twos", [HEAVIEST, HEAVIEST, 2], (stage, heavy) => {
    const [light = 0, ...both] = drawn(stage, heavy);
    assert.ok(light < 5, `the light one is chosen ${light} times`);
    for (const times of both) assert.ok(times > DRAWS / 3, `${times} of ${DRAWS}`);
  });
});

test("twos draws evenly among a hundred of the heaviest, and among the few of them that are not overloaded", (t) => {
  if (!needed(t)) return;
  onStage("twos", Array<number>(100).fill(HEAVIEST), (stage, heavy) => {
    const all = drawn(stage, heavy);
    assert.ok(Math.min(...all) > 0 && Math.max(...all) < 60, `${all.join(" ")}`);
    const numbers = serversOf(stage, heavy);
    const serving = [11, 53, 97];
    for (const [i, number] of numbers.entries()) {
      const load = stage.path.serverLoad.read(number);
      if (!serving.includes(i)) stage.path.serverLoad.write(number, { ...load, upper: 1, total: 1, flags: 1 });
    }
    for (const [i, times] of drawn(stage, heavy).entries()) {
      if (serving.includes(i)) assert.ok(times > DRAWS / 5, `${times} of ${DRAWS}`);
      else assert.equal(times, 0);
    }
  });
});

test("what compares loads compares right where the products have more than 53 bits", (t) => {
  if (!needed(t)) return;
  const question = { protocol: "tcp", client: parseAddress("198.51.100.7"), destination: { address: VIPS.ipv4, port: 80 } } as const;
  for (const scheduler of SCHEDULERS.filter((name) => name !== "twos")) {
    const weights = Array.from({ length: 6 }, () => HEAVIEST - randomInt(3));
    onStage(scheduler, weights, (stage, heavy) => {
      for (let round = 0; round < 20; round++) {
        for (const number of serversOf(stage, heavy)) {
          const [active, inactive] = [2 ** 21 + randomInt(2), randomInt(600)];
          const load = stage.path.serverLoad.read(number);
          stage.path.serverLoad.write(number, { ...load, active, total: active + inactive });
        }
        const { choice } = ask(stage, question);
        assert.ok(choice?.agrees === true && choice.chosen !== undefined, `${scheduler}, weights ${weights.join(" ")}`);
      }
    });
  }
});
