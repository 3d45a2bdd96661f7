/** What `up` and `down` do to a machine that is a table of values: order, record, and the way back from every fault. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { bringDown, bringUp, describeLeft } from "./converge.ts";
import type { DefaultRoute, Host, HostInterface, Machine } from "./host.ts";
import { type RealServerOptions, settle } from "./options.ts";
import type { RealServerRecord, RecordKeeper } from "./record.ts";
import { requirementsFor } from "./requirements.ts";
import { ABSENT, describeChange, PRESENT, type Setting, settingKey } from "./setting.ts";

class MemoryMachine implements Machine, RecordKeeper {
  readonly values = new Map<string, string>();
  readonly lan: HostInterface = {
    name: "eth0",
    index: 2,
    isUp: true,
    isEthernet: true,
    addresses: [net("10.0.0.11", 24), net("fd00::11", 64)],
  };
  record: RealServerRecord | undefined;
  /** The write, counted from one, that fails; or before which the process is killed. */
  failAt = 0;
  killAt = 0;
  writes = 0;

  constructor() {
    for (const name of ["all", "eth0", "tunl0"]) {
      for (const key of ["arp_ignore", "arp_announce", "rp_filter"]) this.values.set(`sysctl net.ipv4.conf.${name}.${key}`, "0");
    }
  }

  host(): Host {
    const hidden = [...this.values]
      .filter(([key, value]) => key.startsWith("hidden-address ") && value === PRESENT)
      .map(([key]) => key.slice(15));
    const lo: HostInterface = {
      name: "lo",
      index: 1,
      isUp: true,
      isEthernet: false,
      addresses: [net("127.0.0.1", 8), ...hidden.map((text) => net(text, text.includes(":") ? 128 : 32))],
    };
    const inTunnel = [...this.values].filter(([key, value]) => key.startsWith("tunnel-address ") && value === PRESENT);
    const tunnel: HostInterface = {
      name: "tunl0",
      index: 3,
      isUp: true,
      isEthernet: false,
      addresses: inTunnel.map(([key]) => net(key.split(" ")[2] ?? "", 32)),
    };
    return { interfaces: [lo, this.lan, tunnel], defaultRoutes: this.routes() };
  }

  routes(): readonly DefaultRoute[] {
    const ours = [...this.values].filter(([key, value]) => key.startsWith("default-route ") && value === PRESENT);
    const added = ours.map(([key]): DefaultRoute => ({ family: "ipv4", gateway: key.split(" ")[1], interfaceName: "eth0", metric: 0 }));
    return [...added, { family: "ipv4", gateway: "10.0.0.1", interfaceName: "eth0", metric: 0 }];
  }

  read(setting: Setting): string {
    return this.values.get(settingKey(setting)) ?? ABSENT;
  }

  write(setting: Setting, value: string): void {
    this.writes++;
    if (this.writes === this.failAt) throw new EvenkeelError("SYSTEM_CALL", `cannot set ${settingKey(setting)}`);
    if (this.writes === this.killAt) throw new Killed();
    this.values.set(settingKey(setting), value);
  }

  decapsulationCounters(): undefined {
    return undefined;
  }

  load(): RealServerRecord | undefined {
    return this.record;
  }

  save(record: RealServerRecord): void {
    this.record = structuredClone(record);
  }

  remove(): void {
    this.record = undefined;
  }

  /** The values that are not "absent", for comparing. */
  snapshot(): Record<string, string> {
    return Object.fromEntries([...this.values].filter(([, value]) => value !== ABSENT).sort(([one], [other]) => (one < other ? -1 : 1)));
  }
}

/** Nothing of ours may run after it. */
class Killed extends Error {}

function net(text: string, prefixLength: number) {
  return { address: parseAddress(text), prefixLength };
}

function optionsFor(method: RealServerOptions["method"], vips: readonly string[], gateway?: string): RealServerOptions {
  return { method, vips: vips.map(parseAddress), gateways: gateway === undefined ? [] : [parseAddress(gateway)] };
}

function up(machine: MemoryMachine, options: RealServerOptions): readonly string[] {
  const settled = settle(options, machine.host());
  return bringUp(machine, machine, { options, requirements: requirementsFor(settled, machine) }).changed.map(describeChange);
}

const DR = optionsFor("dr", ["192.0.2.10", "2001:db8::10"]);
const TUN = optionsFor("tun", ["192.0.2.10"]);
const NAT = optionsFor("nat", ["192.0.2.10"], "10.0.0.254");

describe("bringUp()", () => {
  it("silences ARP before the VIP appears, and says each change", () => {
    assert.deepEqual(up(new MemoryMachine(), DR), [
      "set net.ipv4.conf.all.arp_ignore 0 -> 1",
      "set net.ipv4.conf.eth0.arp_ignore 0 -> 1",
      "set net.ipv4.conf.all.arp_announce 0 -> 2",
      "set net.ipv4.conf.eth0.arp_announce 0 -> 2",
      "add 192.0.2.10/32 to lo",
      "add 2001:db8::10/128 to lo",
    ]);
  });

  it("changes nothing the second time", () => {
    for (const options of [DR, TUN, NAT]) {
      const machine = new MemoryMachine();
      up(machine, options);
      assert.deepEqual(up(machine, options), []);
    }
  });

  it("loosens strict reverse-path filtering on the interface, and leaves all alone", () => {
    const machine = new MemoryMachine();
    machine.values.set("sysctl net.ipv4.conf.all.rp_filter", "1");
    assert.ok(up(machine, DR).includes("set net.ipv4.conf.eth0.rp_filter 0 -> 2"));
    assert.equal(machine.values.get("sysctl net.ipv4.conf.all.rp_filter"), "1");
  });

  it("takes tunnel devices that stand and cover every kind, and else its own program", () => {
    const machine = new MemoryMachine();
    machine.values.set("tunnel-device tunl0", "down");
    assert.ok(up(machine, TUN).includes("load the eBPF decapsulation"), "IPv4 in IPv6 may come, and no device unwraps it");
    const ipv4Only = new MemoryMachine();
    Object.assign(ipv4Only, { lan: { ...ipv4Only.lan, addresses: [net("10.0.0.11", 24)] } });
    ipv4Only.values.set("tunnel-device tunl0", "down");
    ipv4Only.values.set("sysctl net.ipv4.conf.all.rp_filter", "1");
    const changed = up(ipv4Only, TUN);
    assert.ok(changed.includes("set tunnel device tunl0 down -> up"));
    assert.ok(changed.includes("add 192.0.2.10/32 to tunl0"));
    assert.ok(changed.includes("set net.ipv4.conf.tunl0.rp_filter 0 -> 2"));
  });

  it("goes from one method and VIP list to another, and back to the very beginning", () => {
    const machine = new MemoryMachine();
    const before = machine.snapshot();
    up(machine, TUN);
    assert.deepEqual(up(machine, optionsFor("tun", ["192.0.2.11"])), [
      "unwrap packets to 192.0.2.11",
      "add 192.0.2.11/32 to lo",
      "remove 192.0.2.10/32 from lo",
      "stop unwrapping packets to 192.0.2.10",
    ]);
    const toNat = up(machine, NAT);
    assert.ok(toNat.includes("remove 192.0.2.11/32 from lo"));
    assert.ok(toNat.includes("unload the eBPF decapsulation"));
    assert.ok(toNat.includes("set net.ipv4.conf.all.arp_ignore 1 -> 0"));
    bringDown(machine, machine);
    assert.deepEqual(machine.snapshot(), before);
  });

  it("goes back to where it began when any one of its changes fails", () => {
    for (const first of [undefined, DR, NAT]) {
      for (let failAt = 1; failAt <= 12; failAt++) {
        const machine = new MemoryMachine();
        if (first !== undefined) up(machine, first);
        const [before, recordBefore] = [machine.snapshot(), structuredClone(machine.record)];
        machine.writes = 0;
        machine.failAt = failAt;
        try {
          up(machine, TUN);
          continue;
        } catch (error) {
          assert.ok(error instanceof EvenkeelError);
        }
        assert.deepEqual(machine.snapshot(), before, `write ${failAt} failed`);
        assert.deepEqual(machine.record, recordBefore);
      }
    }
  });
});

describe("bringDown()", () => {
  it("undoes what a process killed at any point had done", () => {
    for (const options of [DR, TUN, NAT]) {
      for (let killAt = 1; killAt <= 12; killAt++) {
        const machine = new MemoryMachine();
        const before = machine.snapshot();
        // A killed process writes nothing more, so the record is kept as it stood.
        let recordAtDeath: RealServerRecord | undefined;
        machine.killAt = killAt;
        const write = machine.write.bind(machine);
        machine.write = (setting, value) => {
          if (recordAtDeath !== undefined) throw new Killed();
          try {
            write(setting, value);
          } catch (error) {
            recordAtDeath = structuredClone(machine.record);
            throw error;
          }
        };
        try {
          up(machine, options);
        } catch (error) {
          assert.ok(error instanceof Error);
          machine.record = recordAtDeath;
        }
        machine.write = write;
        machine.killAt = 0;
        bringDown(machine, machine);
        assert.deepEqual(machine.snapshot(), before, `killed at write ${killAt}`);
        assert.equal(machine.record, undefined);
      }
    }
  });

  it("leaves a value that somebody else has set since, and says so", () => {
    const machine = new MemoryMachine();
    up(machine, DR);
    machine.values.set("sysctl net.ipv4.conf.all.arp_ignore", "8");
    const done = bringDown(machine, machine);
    assert.deepEqual(done?.left.map(describeLeft), ["left net.ipv4.conf.all.arp_ignore alone: it is 8, neither 1 as set nor 0 as before"]);
    assert.equal(machine.values.get("sysctl net.ipv4.conf.all.arp_ignore"), "8");
  });

  it("keeps what was there before the first of several ups, though it was set again in between", () => {
    const machine = new MemoryMachine();
    up(machine, DR);
    machine.values.set("sysctl net.ipv4.conf.all.arp_announce", "1");
    assert.deepEqual(up(machine, DR), ["set net.ipv4.conf.all.arp_announce 1 -> 2"]);
    bringDown(machine, machine);
    assert.equal(machine.values.get("sysctl net.ipv4.conf.all.arp_announce"), "0");
  });

  it("leaves a VIP on lo that was there before", () => {
    const machine = new MemoryMachine();
    machine.values.set("hidden-address 192.0.2.10", PRESENT);
    up(machine, DR);
    bringDown(machine, machine);
    assert.equal(machine.values.get("hidden-address 192.0.2.10"), PRESENT);
    assert.equal(machine.values.get("hidden-address 2001:db8::10"), ABSENT);
  });

  it("knows of nothing to undo when no up was recorded", () => {
    const machine = new MemoryMachine();
    assert.equal(bringDown(machine, machine), undefined);
  });
});
