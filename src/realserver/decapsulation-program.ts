/**
 * Our own decapsulation (bpf/decap.bpf.c): loaded, told what it may unwrap, and attached. All of it is pinned, so that it works
 * on without us and the next process finds it by its names.
 */

import { rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { attachBeside, detachBeside, type Place, programAt } from "../kernel/attach-beside.ts";
import { libc } from "../kernel/libc.ts";
import { findLink } from "../kernel/links.ts";
import { type BpfMap, bpfMap } from "../kernel/maps.ts";
import { loadObject } from "../kernel/object.ts";
import { programInfo } from "../kernel/object-info.ts";
import { findBpfFileSystem, PIN_KINDS, type PinDirectory, pinDirectory } from "../kernel/pins.ts";
import { parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";
import { type DecapAddress, DecapOutcome, DecapTakes, decapAddressCodec, decapOutcomeName, Family } from "../wire/abi.ts";
import { type Codec, u32, u64 } from "../wire/codec.ts";
import { ABSENT, type DecapsulationMap, HALF_MADE, PRESENT, type Setting, tunnelValue } from "./setting.ts";

type DecapsulationAttachment = Extract<Setting, { kind: "decapsulation-attachment" }>;
type DecapsulationAddress = Extract<Setting, { kind: "decapsulation-address" }>;

export const DECAPSULATION_OBJECT = fileURLToPath(new URL("../../build/bpf/decap.o", import.meta.url));
export const DECAPSULATION_PROGRAM = "decap";
/** Where there is no tcx: after the packet path's filter, which has 100. */
const PRIORITY = 110;
const OUTCOMES = "decap_outcomes";
const MAPS = ["decap_endpoints", "decap_vips", OUTCOMES] as const;

export function readProgram(): string {
  const pins = findPins();
  if (pins === undefined) return ABSENT;
  const maps = pins.names("maps");
  const found = [pins.names("programs").includes(DECAPSULATION_PROGRAM), ...MAPS.map((name) => maps.includes(name))];
  if (found.every((there) => there)) return PRESENT;
  return found.some((there) => there) ? HALF_MADE : ABSENT;
}

export function writeProgram(value: string): void {
  unpinAll();
  if (value === ABSENT) return;
  const object = loadObject(DECAPSULATION_OBJECT);
  try {
    const pins = pinDirectory();
    for (const name of MAPS) pins.pin("maps", name, object.map(name).fd);
    pins.pin("programs", DECAPSULATION_PROGRAM, object.program(DECAPSULATION_PROGRAM).fd);
  } catch (error) {
    unpinAll();
    throw error;
  } finally {
    object.close();
  }
}

export function readAddress({ map, address }: DecapsulationAddress): string {
  if (readProgram() !== PRESENT) return ABSENT;
  return withMap(map, decapAddressCodec, u32, (entries) => {
    const value = entries.lookup(keyOf(address));
    if (value === undefined) return ABSENT;
    return map === "decap_vips" ? PRESENT : takenTunnel(value);
  });
}

export function writeAddress({ map, address }: DecapsulationAddress, value: string): void {
  withMap(map, decapAddressCodec, u32, (entries) => {
    if (value === ABSENT) entries.delete(keyOf(address));
    else entries.update(keyOf(address), map === "decap_vips" ? 1 : takesNumber(value));
  });
}

function takenTunnel(takes: number): string {
  if (takes & DecapTakes.IPIP) return tunnelValue({ type: "ipip" });
  if (takes & DecapTakes.GRE) return tunnelValue({ type: "gre" });
  return tunnelValue({ type: "gue", port: takes & DecapTakes.PORT_MASK });
}

function takesNumber(value: string): number {
  const [type, port = "0"] = value.split(" ");
  if (type === "gre") return DecapTakes.GRE;
  return type === "gue" ? DecapTakes.GUE | Number(port) : DecapTakes.IPIP;
}

export function readAttachment(setting: DecapsulationAttachment): string {
  const place = placeOf(setting.interfaceName);
  if (place === undefined) return ABSENT;
  const standing = programAt(place);
  if (standing === undefined) return ABSENT;
  // After another load a program without our present maps may still stand there.
  return withProgram((fd) => standing === programInfo(fd).id)?.result === true ? PRESENT : HALF_MADE;
}

export function writeAttachment({ interfaceName }: DecapsulationAttachment, value: string): void {
  const place = placeOf(interfaceName);
  if (place === undefined) {
    if (value === ABSENT) return;
    throw new EvenkeelError("INTERFACE_MISSING", `cannot attach the eBPF decapsulation: the interface ${interfaceName} is gone`);
  }
  detachBeside(place);
  if (value === ABSENT) return;
  const attached = withProgram((fd) => attachBeside(fd, place));
  if (attached === undefined)
    throw new EvenkeelError("NOT_RUNNING", "the eBPF decapsulation is not loaded", { cure: "run evenkeel realserver up again" });
}

/** By name of the outcome; undefined when it is not loaded. */
export function readCounters(): Readonly<Record<string, bigint>> | undefined {
  if (readProgram() !== PRESENT) return undefined;
  return withMap(OUTCOMES, u32, u64, (counters) =>
    Object.fromEntries(
      Object.values(DecapOutcome)
        .filter((outcome) => outcome !== DecapOutcome.COUNT)
        .map((outcome) => [decapOutcomeName[outcome] ?? String(outcome), counters.lookup(outcome) ?? 0n]),
    ),
  );
}

/** Pins of this network namespace; undefined when no BPF file system is mounted, and so nothing of ours can be there. */
function findPins(): PinDirectory | undefined {
  return findBpfFileSystem() === undefined ? undefined : pinDirectory();
}

function placeOf(interfaceName: string): Place | undefined {
  const link = findLink(interfaceName);
  const pins = findPins();
  if (link === undefined || pins === undefined) return undefined;
  return { ifindex: link.index, ifname: link.name, pinDirectory: pins, pin: DECAPSULATION_PROGRAM, priority: PRIORITY };
}

/** Undefined when none is pinned. */
function withProgram<T>(work: (fd: number) => T): { readonly result: T } | undefined {
  const fd = pinDirectory().open("programs", DECAPSULATION_PROGRAM);
  if (fd === undefined) return undefined;
  try {
    return { result: work(fd) };
  } finally {
    libc.close(fd);
  }
}

function keyOf(text: string): DecapAddress {
  const { bytes, family } = parseAddress(text);
  return { address: bytes, family: family === "ipv4" ? Family.IPV4 : Family.IPV6 };
}

function withMap<Key, Value, Result>(
  name: DecapsulationMap | typeof OUTCOMES,
  key: Codec<Key>,
  value: Codec<Value>,
  work: (map: BpfMap<Key, Value>) => Result,
): Result {
  const fd = pinDirectory().open("maps", name);
  if (fd === undefined)
    throw new EvenkeelError("NOT_RUNNING", `the eBPF decapsulation's map ${name} is gone`, { cure: "run evenkeel realserver up again" });
  try {
    return work(bpfMap(name, fd, key, value));
  } finally {
    libc.close(fd);
  }
}

/** A program that is attached stays so until it is detached; the names and what is only named go. */
function unpinAll(): void {
  const pins = findPins();
  if (pins === undefined) return;
  pins.unpin("programs", DECAPSULATION_PROGRAM);
  for (const name of MAPS) pins.unpin("maps", name);
  if (!pins.exists() || PIN_KINDS.some((kind) => pins.names(kind).length > 0)) return;
  pins.remove();
  removeIfEmpty(dirname(pins.path));
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch (error) {
    // Other namespaces have pins there.
    if (!(error instanceof Error && "code" in error && (error.code === "ENOTEMPTY" || error.code === "ENOENT"))) throw error;
  }
}
