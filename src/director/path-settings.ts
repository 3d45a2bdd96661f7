/**
 * The packet path's one entry of settings: what every packet is first asked by. Bits are added before what they stand for comes, and those
 * that nobody needs are taken away afterwards.
 */

import { jiffiesPerSecond } from "../kernel/clock.ts";
import type { Address } from "../model/address.ts";
import type { ServiceName } from "../model/edit.ts";
import type { DirectorSettings, MarkCounters, MarkRule } from "../model/plane.ts";
import type { RealServer, Timeouts } from "../model/service.ts";
import { Limits, type Settings, SettingsFlag, settingsCodec } from "../wire/abi.ts";
import { encoded } from "../wire/codec.ts";
import { addressFilter } from "./address-filter.ts";
import { readMarks, singleDestination, writeMarks } from "./mark-table.ts";
import type { PacketPath } from "./packet-path.ts";
import { commonTimeouts, ownTimeouts, placeTimeouts, type SetRequest, withCommonTimeouts } from "./timeouts.ts";

/** What there is to be found by packets. */
export interface Served {
  readonly services: readonly ServiceName[];
  readonly servers: readonly Pick<RealServer, "address" | "method">[];
}

/** Those that follow from what is served; the others are the operator's. */
const SERVED_FLAGS = SettingsFlag.NAT_IN_USE | SettingsFlag.ANY_PORT | SettingsFlag.FTP | SettingsFlag.MARKED | SettingsFlag.TUNNEL_IN_USE;

/** A filter that holds nobody back. */
const EVERY_ADDRESS: readonly bigint[] = Array<bigint>(Limits.ADDRESS_FILTER_WORDS).fill(0xffff_ffff_ffff_ffffn);

export class PathSettings {
  readonly #path: PacketPath;
  readonly jiffiesPerSecond = jiffiesPerSecond();

  constructor(path: PacketPath) {
    this.#path = path;
  }

  get serverFilter(): readonly bigint[] {
    return this.#path.settings().serverFilter;
  }

  read(): DirectorSettings {
    const { flags, timeout } = this.#path.settings();
    return {
      timeouts: commonTimeouts(timeout, this.jiffiesPerSecond),
      expireNodest: (flags & SettingsFlag.EXPIRE_NODEST) !== 0,
      expireQuiescentTemplate: (flags & SettingsFlag.EXPIRE_QUIESCENT_TEMPLATE) !== 0,
      connectionReuse: flags & SettingsFlag.REUSE ? (flags & SettingsFlag.REUSE_FIN_WAIT ? 3 : 1) : 0,
    };
  }

  write({ timeouts, expireNodest, expireQuiescentTemplate, connectionReuse }: DirectorSettings): void {
    this.#change((before) => ({
      ...before,
      timeout: withCommonTimeouts(before.timeout, timeouts, this.jiffiesPerSecond),
      flags:
        (before.flags & (SERVED_FLAGS | SettingsFlag.EVERY_INTERFACE)) |
        (expireNodest ? SettingsFlag.EXPIRE_NODEST : 0) |
        (expireQuiescentTemplate ? SettingsFlag.EXPIRE_QUIESCENT_TEMPLATE : 0) |
        (connectionReuse === 0 ? 0 : SettingsFlag.REUSE) |
        ((connectionReuse & 2) === 0 ? 0 : SettingsFlag.REUSE_FIN_WAIT),
    }));
  }

  /** Nobody has said where to listen: interfaces are taken as they come. */
  get everyInterface(): boolean {
    return (this.#path.settings().flags & SettingsFlag.EVERY_INTERFACE) !== 0;
  }

  set everyInterface(wanted: boolean) {
    const { EVERY_INTERFACE } = SettingsFlag;
    this.#change((before) => ({ ...before, flags: wanted ? before.flags | EVERY_INTERFACE : before.flags & ~EVERY_INTERFACE }));
  }

  timeoutsOf(set: number): Timeouts | undefined {
    return ownTimeouts(this.#path.settings().timeout, set, this.jiffiesPerSecond);
  }

  /** The set of a service, its timeouts written. */
  placeTimeouts(request: SetRequest): number {
    const placed = placeTimeouts(this.#path.settings().timeout, request, this.jiffiesPerSecond);
    this.#change((before) => ({ ...before, timeout: placed.timeouts }));
    return placed.set;
  }

  marks(): MarkCounters[] {
    return readMarks(this.#path, this.#path.settings().markRules);
  }

  /** In one stroke; whatever they lead to is let in before. */
  writeMarks(rules: readonly MarkRule[], services: readonly ServiceName[]): void {
    const markRules = writeMarks(this.#path, this.#path.settings().markRules, rules);
    this.#open({ services, servers: [] }, rules);
    this.#change((before) => ({ ...before, markRules }));
  }

  /** Lets in what newcomers need. */
  open(newcomers: Served): void {
    this.#open(newcomers, newcomers.services.some(({ mark }) => mark) ? this.#rules() : []);
  }

  /** Lets in what is there, and nothing else. */
  settle({ services, servers }: Served): void {
    const needs = needsOf({ services, servers }, this.#rules());
    this.#change((before) => ({ ...before, ...needs, flags: (before.flags & ~SERVED_FLAGS) | needs.flags }));
  }

  #open(newcomers: Served, rules: readonly MarkRule[]): void {
    const needs = needsOf(newcomers, rules);
    const before = this.#path.settings();
    const after = {
      flags: before.flags | needs.flags,
      virtualFilter: joined(before.virtualFilter, needs.virtualFilter),
      serverFilter: joined(before.serverFilter, needs.serverFilter),
    };
    const isIn =
      after.flags === before.flags &&
      sameWords(after.virtualFilter, before.virtualFilter) &&
      sameWords(after.serverFilter, before.serverFilter);
    if (!isIn) this.#path.maps.settings.update(0, { ...before, ...after });
  }

  #rules(): MarkRule[] {
    return this.marks().map(({ rule }) => rule);
  }

  #change(change: (before: Settings) => Settings): void {
    const before = this.#path.settings();
    const after = change(before);
    if (!Buffer.from(encoded(settingsCodec, before)).equals(encoded(settingsCodec, after))) this.#path.maps.settings.update(0, after);
  }
}

function needsOf({ services, servers }: Served, rules: readonly MarkRule[]): Pick<Settings, "flags" | "virtualFilter" | "serverFilter"> {
  const byAddress = services.filter(({ mark }) => !mark);
  const marked = byAddress.length < services.length;
  // Without a service for them marks lead nowhere. One that no rule gives is carried by packets already, wherever they go.
  const wanted = new Set(services.map(({ mark = 0 }) => mark));
  const leading = rules.filter(({ mark }) => mark !== 0 && wanted.has(mark));
  const given = new Set(leading.map(({ mark }) => mark));
  const anywhere = services.some(({ mark }) => mark && !given.has(mark));
  const destinations = [...leading.map(singleDestination), ...(anywhere ? [undefined] : [])];
  const nat = servers.filter(({ method }) => method === "nat");
  const flags = [
    [nat.length > 0, SettingsFlag.NAT_IN_USE],
    [servers.some(({ method }) => method === "tun"), SettingsFlag.TUNNEL_IN_USE],
    [byAddress.some(({ port }) => port === 0), SettingsFlag.ANY_PORT],
    [byAddress.some(({ port, protocol }) => port === 21 && protocol === "tcp"), SettingsFlag.FTP],
    [marked, SettingsFlag.MARKED],
  ] as const;
  const virtual: Address[] = [...byAddress.map(({ address }) => address), ...destinations.filter((each) => each !== undefined)];
  return {
    flags: flags.reduce((all, [needed, flag]) => (needed ? all | flag : all), 0),
    virtualFilter: destinations.includes(undefined) ? EVERY_ADDRESS : addressFilter(virtual),
    serverFilter: addressFilter(nat.map(({ address }) => address)),
  };
}

function sameWords(one: readonly bigint[], other: readonly bigint[]): boolean {
  return one.every((word, i) => word === other[i]);
}

function joined(one: readonly bigint[], other: readonly bigint[]): bigint[] {
  return one.map((word, i) => word | (other[i] ?? 0n));
}
