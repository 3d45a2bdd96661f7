/**
 * The packet path of one network namespace: its programs and maps, by their pins. Whoever opens it finds what the last
 * process left; it goes on forwarding when nobody has it open.
 */

import { randomBytes } from "node:crypto";
import { attached, detach, LINK_PIN } from "../kernel/attach.ts";
import { type BpfObjectName, bpfObjectPath } from "../kernel/bpf-objects.ts";
import { jiffiesPerSecond } from "../kernel/clock.ts";
import { libc } from "../kernel/libc.ts";
import type { MappedArray } from "../kernel/mapped-array.ts";
import { type BpfMap, type KeyOf, openMap, type ValueOf } from "../kernel/maps.ts";
import { type BpfObject, loadObject } from "../kernel/object.ts";
import { findBpfFileSystem, PIN_KINDS, type PinDirectory, pinDirectory } from "../kernel/pins.ts";
import { runSyscallProgram, testRunTc } from "../kernel/test-run.ts";
import { EvenkeelError } from "../model/error.ts";
import {
  Choice,
  type Choose,
  type Cut,
  chooseCodec,
  cutCodec,
  Limits,
  type LimitsChange,
  type Look,
  limitsChangeCodec,
  lookCodec,
  MAPS,
  type MapName,
  type Settings,
  SettingsFlag,
  type Sweep,
  sweepCodec,
} from "../wire/abi.ts";
import { decoded, encoded } from "../wire/codec.ts";
import { CONNECTIONS_MAX_DEFAULT, groupsFor } from "./capacity.ts";
import { ticks, timeoutTicks } from "./timeouts.ts";

type Maps = { readonly [N in MapName]: BpfMap<KeyOf<N>, ValueOf<N>> };

/** Programs by the names of their pins, the sweep last (open). The XDP one is loaded when the first interface wants it. */
const TC_PROGRAMS = {
  director: "director_tc",
  choose: "choose",
  cut: "cut",
  look: "look",
  set_limits: "set_limits",
  sweep: "sweep",
} as const;
const XDP_PROGRAM = "director_xdp";
/** The programs that the tc one calls (bpf/rare.h): libbpf puts them there as it loads the object. Without the pin the kernel would empty it. */
const RARE_PROGRAMS = "rare_programs";
/** Holds the kernel's timer, which sweeps and estimates (bpf/timer.h) as long as this is pinned. */
const TIMER = "timer";
/** Run once, to start it. */
const TIMER_PROGRAM = "start_timer";
/** What is ours among the pins of a namespace; a real server's decapsulation has its own there. A repin may have been cut short. */
const OUR_PINS = {
  maps: pinsNamed(...Object.keys(MAPS), RARE_PROGRAMS, TIMER),
  links: LINK_PIN,
  programs: pinsNamed(...Object.values(TC_PROGRAMS), XDP_PROGRAM),
} as const;

/** What a first packet shows of its flow: some schedulers choose by it. */
export type ChooseFlow = Omit<Choose, "plan" | "server">;

/** A first packet, and where it comes from; the rest of Look is the answer. */
export type LookQuestion = Omit<Look, "rule" | "connection" | "template" | "outcome" | "outcomeWithoutServer" | "port">;

const NO_FLOW: ChooseFlow = {
  source: new Uint8Array(16),
  destination: new Uint8Array(16),
  sourcePort: 0,
  destinationPort: 0,
  protocol: 6,
  family: 4,
};

export interface PacketPathOptions {
  /** How many connections it must hold at once; memory is about 110 bytes each. Fixed while the packet path stands. */
  readonly connectionsMax?: number;
  /** Whether the kernel sweeps and estimates by itself; true when left out. False for tests that want a still table. */
  readonly timer?: boolean;
  /** It listens on every interface, because nobody has said where; false when left out. From its first moment on: its maker may be killed. */
  readonly everyInterface?: boolean;
}

/** Groups a call: about half a millisecond of kernel time. */
const SWEEP_SLICE = 8192;
/** Nor more than so many that end in one. */
const CUT_SLICE = 2048;

export class PacketPath {
  readonly pins: PinDirectory;
  readonly maps: Maps;
  readonly candidates: MappedArray<ValueOf<"candidates">>;
  readonly candidateGroups: MappedArray<ValueOf<"candidate_groups">>;
  readonly buckets: MappedArray<ValueOf<"buckets">>;
  readonly servers: MappedArray<ValueOf<"servers">>;
  readonly serverLoad: MappedArray<ValueOf<"server_load">>;
  readonly #descriptors = new Map<string, number>();

  private constructor(pins: PinDirectory) {
    this.pins = pins;
    try {
      const names = Object.keys(MAPS) as MapName[];
      this.maps = Object.fromEntries(names.map((name) => [name, openMap(name, this.#open("maps", name))])) as unknown as Maps;
      this.candidates = this.maps.candidates.map();
      this.candidateGroups = this.maps.candidate_groups.map();
      this.buckets = this.maps.buckets.map();
      this.servers = this.maps.servers.map();
      this.serverLoad = this.maps.server_load.map();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The packet path of the current network namespace, or undefined when there is none. */
  static open(): PacketPath | undefined {
    // Whoever only looks mounts nothing.
    if (findBpfFileSystem() === undefined) return undefined;
    const pins = pinDirectory();
    // The sweep is pinned last and unpinned first: without it a load or a removal was cut short, and what is there is nobody's.
    return pins.names("programs").includes(TC_PROGRAMS.sweep) ? new PacketPath(pins) : undefined;
  }

  /** Takes the packet path of the current network namespace away, whole or in ruins, ours or another version's. Whether there was any. */
  static remove(pins?: PinDirectory): boolean {
    if (pins === undefined) return findBpfFileSystem() !== undefined && PacketPath.remove(pinDirectory());
    let found = pins.unpin("programs", TC_PROGRAMS.sweep);
    for (const { ifindex } of attached(pins)) found = detach({ ifindex, pinDirectory: pins }) || found;
    for (const kind of PIN_KINDS) {
      for (const name of pins.names(kind)) if (OUR_PINS[kind].test(name)) found = pins.unpin(kind, name) || found;
    }
    pins.prune();
    return found;
  }

  /** Loads the packet path into the current network namespace. Nothing is attached by that. */
  static create(options: PacketPathOptions = {}, pins: PinDirectory = pinDirectory()): PacketPath {
    const groups = groupsFor(options.connectionsMax ?? CONNECTIONS_MAX_DEFAULT);
    PacketPath.remove(pins);
    const object = loadObject(bpfObjectPath("director-tc"), {
      maps: { connections: { maxEntries: groups }, overflow: { maxEntries: groups } },
    });
    try {
      for (const name of [...Object.keys(MAPS), RARE_PROGRAMS, TIMER]) pins.pin("maps", name, object.map(name).fd);
      openMap("settings", object.map("settings").fd).update(0, freshSettings(groups, options));
      if (options.timer ?? true) startTimer(object);
      for (const [program, pin] of Object.entries(TC_PROGRAMS)) pins.pin("programs", pin, object.program(program).fd);
    } catch (error) {
      PacketPath.remove(pins);
      throw error;
    } finally {
      object.close();
    }
    return new PacketPath(pins);
  }

  /** Programs built from newer sources take the place of the pinned ones; maps and their contents stay. The attachments follow (attach). */
  reload(): void {
    this.#load("director-tc", Object.values(TC_PROGRAMS), (object) => {
      for (const [program, pin] of Object.entries(TC_PROGRAMS)) this.#replacePin(pin, object.program(program).fd);
      startTimer(object);
    });
    if (this.pins.names("programs").includes(XDP_PROGRAM)) this.#loadXdp();
  }

  get tcProgram(): number {
    return this.#open("programs", TC_PROGRAMS.director);
  }

  get xdpProgram(): number {
    if (!this.pins.names("programs").includes(XDP_PROGRAM)) this.#loadXdp();
    return this.#open("programs", XDP_PROGRAM);
  }

  /** No interface runs the XDP program. */
  dropXdp(): void {
    this.#forget("programs", XDP_PROGRAM);
    this.pins.unpin("programs", XDP_PROGRAM);
  }

  /** Frees connections past their time, all groups; afterwards the loads are exact. */
  sweep(): { readonly live: number; readonly expired: number; readonly nowTicks: number } {
    const groups = this.maps.connections.maxEntries;
    const total = { live: 0, expired: 0, nowTicks: 0 };
    for (let firstGroup = 0; firstGroup < groups; firstGroup += SWEEP_SLICE) {
      const slice: Sweep = { firstGroup, groups: Math.min(SWEEP_SLICE, groups - firstGroup), expiredMax: 0, live: 0, expired: 0, now: 0 };
      const { argument } = runSyscallProgram(this.#open("programs", TC_PROGRAMS.sweep), encoded(sweepCodec, slice));
      const result = decoded(sweepCodec, argument);
      total.live += result.live;
      total.expired += result.expired;
      total.nowTicks = result.now;
    }
    return total;
  }

  /**
   * Ends what stands of a server, by its number: the connections, the templates or both (`kinds`, enum CutKind), a slice at each step; gives how
   * many each step ended.
   */
  *cut(server: number, kinds: number): Generator<number, void> {
    const all = this.maps.connections.maxEntries;
    for (let firstGroup = 0; firstGroup < all; ) {
      const groups = Math.min(SWEEP_SLICE, all - firstGroup);
      const slice: Cut = { firstGroup, groups, server, kinds, endedMax: CUT_SLICE, ended: 0 };
      const { argument } = runSyscallProgram(this.#open("programs", TC_PROGRAMS.cut), encoded(cutCodec, slice));
      const done = decoded(cutCodec, argument);
      if (done.groups === 0) return;
      firstGroup += done.groups;
      yield done.ended;
    }
  }

  /** The tick that the packet path counts in, now. */
  nowTicks(): number {
    const nothing: Sweep = { firstGroup: 0, groups: 0, expiredMax: 0, live: 0, expired: 0, now: 0 };
    return decoded(sweepCodec, runSyscallProgram(this.#open("programs", TC_PROGRAMS.sweep), encoded(sweepCodec, nothing)).argument).now;
  }

  /** What the kernel's scheduler chooses under a plan: a server's number. Moves the plan's cursor. */
  choose(plan: number, flow: ChooseFlow = NO_FLOW): number | undefined {
    const question: Choose = { plan, server: 0, ...flow };
    const { argument } = runSyscallProgram(this.#open("programs", TC_PROGRAMS.choose), encoded(chooseCodec, question));
    const { server } = decoded(chooseCodec, argument);
    return server === Choice.NONE ? undefined : server;
  }

  /** What the first packet of a new connection would find, up to the scheduler. Nothing is changed by the question. */
  look(question: LookQuestion): Look {
    const nothing = { rule: 0, connection: 0, template: 0, outcome: 0, outcomeWithoutServer: 0, port: 0 };
    const { argument } = runSyscallProgram(this.#open("programs", TC_PROGRAMS.look), encoded(lookCodec, { ...question, ...nothing }));
    return decoded(lookCodec, argument);
  }

  /** New thresholds of a server, whose overload is judged by them at once. Upper 0: none; lower 0: three quarters of upper. */
  setLimits(server: number, limits: { readonly upper: number; readonly lower: number }): void {
    const change: LimitsChange = { server, ...limits };
    runSyscallProgram(this.#open("programs", TC_PROGRAMS.set_limits), encoded(limitsChangeCodec, change));
  }

  settings(): Settings {
    const settings = this.maps.settings.lookup(0);
    if (settings === undefined) throw new EvenkeelError("BPF_UNAVAILABLE", "the packet path has no settings");
    return settings;
  }

  /** What is pinned stays and goes on forwarding. */
  close(): void {
    this.candidates?.close();
    this.candidateGroups?.close();
    this.buckets?.close();
    this.servers?.close();
    this.serverLoad?.close();
    for (const fd of this.#descriptors.values()) libc.close(fd);
    this.#descriptors.clear();
  }

  #open(kind: "maps" | "programs", name: string): number {
    const key = `${kind}/${name}`;
    const known = this.#descriptors.get(key);
    if (known !== undefined) return known;
    const fd = this.pins.open(kind, name);
    if (fd === undefined) {
      throw new EvenkeelError("PIN_DIRECTORY", `the packet path in ${this.pins.path} is incomplete: ${key} is missing`, {
        cure: "evenkeel teardown, then apply again; its connections end",
      });
    }
    this.#descriptors.set(key, fd);
    return fd;
  }

  #forget(kind: "maps" | "programs", name: string): void {
    const key = `${kind}/${name}`;
    const fd = this.#descriptors.get(key);
    if (fd !== undefined) libc.close(fd);
    this.#descriptors.delete(key);
  }

  #loadXdp(): void {
    this.#load("director-xdp", ["director"], (object) => this.#replacePin(XDP_PROGRAM, object.program("director").fd));
  }

  /** Loads an object onto the maps that stand. */
  #load(name: BpfObjectName, programs: readonly string[], use: (object: BpfObject) => void): void {
    const names = Object.keys(MAPS) as MapName[];
    const maps = Object.fromEntries(names.map((map) => [map, { reuseFd: this.maps[map].fd }]));
    const more = name === "director-tc" ? [RARE_PROGRAMS, TIMER] : [];
    const others = Object.fromEntries(more.map((map) => [map, { reuseFd: this.#open("maps", map) }]));
    const object = loadObject(bpfObjectPath(name), { maps: { ...maps, ...others } });
    // While anybody has the timer's map open its timer goes on, and a removal is to end it.
    this.#forget("maps", TIMER);
    try {
      use(object);
    } catch (error) {
      throw error instanceof EvenkeelError
        ? error
        : new EvenkeelError("BPF_UNAVAILABLE", `cannot take over the programs ${programs.join(", ")}`, { cause: error });
    } finally {
      object.close();
    }
  }

  #replacePin(name: string, fd: number): void {
    this.#forget("programs", name);
    this.pins.repin("programs", name, fd);
  }
}

/** Where it runs already it goes on by this object's program. */
function startTimer(object: BpfObject): void {
  const { returned } = testRunTc(object.program(TIMER_PROGRAM).fd, new Uint8Array(ETHERNET_BYTES_MIN));
  if (returned !== 0) throw new EvenkeelError("BPF_UNAVAILABLE", "the kernel does not start the packet path's timer");
}

/** A test run wants a frame, though nobody reads it. */
const ETHERNET_BYTES_MIN = 64;

function pinsNamed(...names: readonly string[]): RegExp {
  return new RegExp(`^(${names.join("|")})(_next)?$`);
}

function freshSettings(groups: number, { everyInterface = false }: PacketPathOptions): Settings {
  const seed = randomBytes(16);
  const hz = jiffiesPerSecond();
  return {
    hashSeed: [seed.readBigUInt64LE(0), seed.readBigUInt64LE(8)],
    groupMask: groups - 1,
    second: ticks(1, hz),
    flags: SettingsFlag.REUSE | (everyInterface ? SettingsFlag.EVERY_INTERFACE : 0),
    markRules: 0,
    timeout: timeoutTicks(hz),
    virtualFilter: Array<bigint>(Limits.ADDRESS_FILTER_WORDS).fill(0n),
    serverFilter: Array<bigint>(Limits.ADDRESS_FILTER_WORDS).fill(0n),
  };
}
