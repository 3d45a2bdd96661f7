/**
 * `evenkeel explain` against the packet path: whom it names is whom the client's packet then reaches, by every scheduler, from random
 * states; and being asked changes nothing.
 */

import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { after, type TestContext, test } from "node:test";
import { type Address, addressFromBytes, type Family, parseAddress } from "../src/model/address.ts";
import type { Change } from "../src/model/plane.ts";
import { type RealServer, SCHEDULERS, type SchedulerName, serverName, type VirtualService } from "../src/model/service.ts";
import { advanceSeconds } from "./advance-clock.ts";
import { ask, type Caller, everything, explained, glance, send } from "./explain/cast.ts";
import { need } from "./need.ts";
import { ACK, FAMILIES, FIN, RST, SYN, server, service, VIPS } from "./packet-rows/cast.ts";
import { CROWD_SERVICES } from "./packet-rows/crowd.ts";
import { onCrowdStage } from "./packet-rows/crowd-stage.ts";
import { sendTwice } from "./packet-rows/senders.ts";
import { Stage } from "./packet-rows/stage.ts";
import { randomFrom } from "./random.ts";

const NEEDS = ["root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth"] as const;
const ROUNDS = 100;
const MARK = 7;

let shared: Stage | undefined;
after(() => shared?.close());

/** An empty stage, and chance whose seed is printed. */
function onStage(t: TestContext, work: (stage: Stage, random: Random) => void): void {
  if (!need(t, ...NEEDS)) return;
  const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
  t.diagnostic(`seed ${seed}`);
  shared ??= new Stage({ connectionsMax: 1000 });
  const stage = shared;
  stage.inside(() => {
    stage.clear();
    work(stage, new Random(seed));
  });
}

class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = randomFrom(seed);
  }

  below(bound: number): number {
    return Math.floor(this.#next() * bound);
  }

  one<T>(of: readonly [T, ...T[]]): T {
    return of[this.below(of.length)] ?? of[0];
  }

  host(network: Address, hosts: number): Address {
    const bytes = network.bytes.slice(0, network.family === "ipv4" ? 4 : 16);
    bytes[bytes.length - 1] = this.below(hosts) + 1;
    return addressFromBytes(bytes);
  }
}

const CLIENT_NETWORKS = { ipv4: parseAddress("198.51.100.0"), ipv6: parseAddress("2001:db8:c::") } as const;
const VIRTUAL_NETWORKS = { ipv4: parseAddress("192.0.2.0"), ipv6: parseAddress("2001:db8::") } as const;

/** A service with up to nine servers, of whom some do not serve; by a mark where destinations have to differ. */
class Scene {
  readonly stage: Stage;
  readonly random: Random;
  readonly family: Family;
  service: VirtualService;

  constructor(stage: Stage, random: Random, family: Family, scheduler: SchedulerName) {
    this.stage = stage;
    this.random = random;
    this.family = family;
    const marked = scheduler === "dh" || scheduler === "lblc" || scheduler === "lblcr";
    const servers = Array.from({ length: 1 + random.below(9) }, (_, i) => this.server(i + 1));
    const schedulerFlags = (["fallback", "port"] as const).filter(() => random.below(2) === 0);
    const unspecified = parseAddress(family === "ipv4" ? "0.0.0.0" : "::");
    this.service = service(family, servers, {
      scheduler,
      schedulerFlags,
      ...(marked ? { mark: MARK, port: 0, address: unspecified } : {}),
    });
    this.apply({ kind: "add-service", service: this.service });
    if (marked) {
      const destination = { address: VIRTUAL_NETWORKS[family], length: family === "ipv4" ? 24 : 64 };
      this.apply({ kind: "edit-marks", before: [], after: [{ mark: MARK, destination }] });
    }
    this.stage.settle();
  }

  apply(change: Change): void {
    this.stage.plane.apply(change);
  }

  server(n: number): RealServer {
    const { random } = this;
    const thresholds = random.below(3) === 0 ? { upperThreshold: 1 + random.below(6), lowerThreshold: 1 } : {};
    return server(this.family, "nat", { n, weight: random.below(5), ...thresholds });
  }

  caller(): Caller {
    const {
      random,
      family,
      service: { mark },
    } = this;
    return {
      protocol: "tcp",
      client: random.host(CLIENT_NETWORKS[family], 250),
      clientPort: 40_000 + random.below(4),
      destination: { address: mark === undefined ? VIPS[family] : random.host(VIRTUAL_NETWORKS[family], 6), port: 80 },
    };
  }

  /** Something happens to the service. */
  disturb(): void {
    const { random, stage } = this;
    const what = random.below(20);
    if (what < 12) send(stage, this.caller(), random.one([SYN, SYN, ACK, FIN | ACK, RST]));
    else if (what < 15) this.#edit();
    else if (what === 15) this.#remove();
    else if (what === 16) this.#add();
    else if (what === 17) advanceSeconds(stage.path, random.one([1, 50, 130, 1000]), []);
    else if (what === 18) advanceSeconds(stage.path, random.one([3600, 50_000, 90_000]), ["localities"]);
    else stage.path.sweep();
  }

  #edit(): void {
    const before = this.#any();
    if (before === undefined) return;
    const after = { ...this.server(1), address: before.address };
    this.apply({ kind: "edit-server", service: this.service, before, after });
    this.#hold(this.service.servers.map((each) => (each === before ? after : each)));
  }

  #remove(): void {
    const gone = this.#any();
    if (gone === undefined) return;
    this.apply({ kind: "delete-server", service: this.service, server: gone });
    this.#hold(this.service.servers.filter((each) => each !== gone));
  }

  #add(): void {
    const one = this.server(1 + this.random.below(12));
    if (this.service.servers.some((each) => serverName(each) === serverName(one))) return;
    this.apply({ kind: "add-server", service: this.service, server: one });
    this.#hold([...this.service.servers, one]);
  }

  #any(): RealServer | undefined {
    return this.service.servers[this.random.below(this.service.servers.length)];
  }

  #hold(servers: readonly RealServer[]): void {
    this.service = { ...this.service, servers };
  }
}

for (const family of FAMILIES) {
  for (const scheduler of SCHEDULERS) {
    test(`${scheduler} in ${family} gives a client whom explain named, ${ROUNDS} times`, (t) =>
      onStage(t, (stage, random) => {
        const scene = new Scene(stage, random, family, scheduler);
        for (let round = 0; round < ROUNDS; round++) {
          for (let i = random.below(6); i > 0; i--) scene.disturb();
          const caller = scene.caller();
          const before = glance(stage.path, stage.plane.planOf(scene.service));
          const explanation = ask(stage, caller);
          const { choice, end } = explanation;
          assert.ok(choice === undefined || choice.agrees, `round ${round}: the account gives another server`);
          assert.ok(choice === undefined || choice.steady, `round ${round}: nobody else is here`);
          if (round % 20 === 0) for (let i = 0; i < 50; i++) assert.deepEqual(ask(stage, caller).end, end);
          assert.equal(glance(stage.path, stage.plane.planOf(scene.service)), before, `round ${round}: asking has changed something`);
          const reached = send(stage, caller);
          if (end.kind === "open") {
            const account = choice?.account;
            assert.ok(account?.kind === "lots" && choice !== undefined);
            const at = choice.servers.findIndex(({ server: each }) => serverName(each) === reached);
            assert.ok((account.odds[at] ?? 0) > 0, `round ${round}: ${reached} was not among the odds`);
          } else assert.equal(reached, explained(explanation), `round ${round}`);
        }
      }));
  }
}

test("nothing in any map is another after all the questions", (t) =>
  onStage(t, (stage, random) => {
    const services = FAMILIES.flatMap((family) =>
      SCHEDULERS.map((scheduler, i) => {
        const servers = [1, 2, 3, 4].map((n) => server(family, "nat", { n, weight: n % 4, upperThreshold: 5 }));
        const persistence = i % 2 === 0 ? {} : { persistence: { timeoutSeconds: 60 } };
        return service(family, servers, { port: 1000 + i, scheduler, schedulerFlags: ["fallback"], ...persistence });
      }),
    );
    for (const each of services) stage.plane.apply({ kind: "add-service", service: each });
    stage.settle();
    const callers = services.flatMap(({ address, port }) =>
      Array.from({ length: 8 }, (): Caller => {
        const client = random.host(CLIENT_NETWORKS[address.family], 5);
        return { protocol: "tcp", client, clientPort: 40_000 + random.below(3), destination: { address, port } };
      }),
    );
    for (const caller of callers.filter((_, i) => i % 2 === 0)) send(stage, caller);
    const before = everything(stage.path);
    for (const caller of callers) {
      const { clientPort: _, ...anyPort } = caller;
      for (let i = 0; i < 3; i++) ask(stage, i === 0 ? anyPort : caller);
    }
    assert.equal(everything(stage.path), before);
  }));

test("while packets flow an account is of one moment, or says that it is not", (t) =>
  onCrowdStage(
    t,
    { connectionsMax: 20_000, services: CROWD_SERVICES.map((each) => ({ ...each, scheduler: "wlc" })) },
    async (stage, _people, seed) => {
      let [asked, steady, sending] = [0, 0, true];
      const sent = sendTwice(stage, seed, { flows: 8000, tcpFlags: SYN }).finally(() => {
        sending = false;
      });
      while (sending) {
        const { choice } = stage.inside(() =>
          ask(stage, { protocol: anybody.protocol, client: anybody.client, destination: anybody.destination }),
        );
        assert.ok(choice !== undefined && choice.chosen !== undefined);
        assert.ok(choice.agrees || !choice.steady, "an account that contradicts the packet path");
        asked++;
        if (choice.steady) steady++;
        await new Promise((resolve) => setImmediate(resolve));
      }
      await sent;
      t.diagnostic(`${steady} of ${asked} steady`);
      assert.ok(asked > 0);
    },
  ));

test("the odds of twos are those by which it draws, the overloaded left out", (t) =>
  onStage(t, (stage) => {
    const servers = [3, 1, 2, 2].map((weight, i) => server("ipv4", "nat", { n: i + 1, weight, ...(i > 1 ? { upperThreshold: 1 } : {}) }));
    const lots = service("ipv4", servers, { scheduler: "twos" });
    stage.plane.apply({ kind: "add-service", service: lots });
    stage.settle();
    for (const { number, load } of loads(stage, lots))
      if (load.upper === 1) stage.path.serverLoad.write(number, { ...load, total: 1, flags: 1 });
    const account = ask(stage, anybody).choice?.account;
    assert.ok(account?.kind === "lots");
    const plan = stage.plane.planOf(lots);
    const chosen = Array.from({ length: 8000 }, () => stage.path.choose(plan));
    for (const [i, { number }] of loads(stage, lots).entries()) {
      const share = chosen.filter((each) => each === number).length / chosen.length;
      assert.ok(Math.abs(share - (account.odds[i] ?? 0)) < 0.03, `${share} of ${account.odds[i]}`);
    }
  }));

const anybody: Caller = {
  protocol: "tcp",
  client: parseAddress("198.51.100.7"),
  clientPort: 40_000,
  destination: { address: VIPS.ipv4, port: 80 },
};

/** Of a service's servers, in walk order. */
function loads({ path, plane }: Stage, of: VirtualService) {
  const plan = path.maps.plans.lookup(plane.planOf(of));
  assert.ok(plan !== undefined);
  const numbers = Array.from({ length: plan.count }, (_, i) => path.candidates.read(plan.first + i).server);
  return numbers.map((number) => ({ number, load: path.serverLoad.read(number) }));
}
