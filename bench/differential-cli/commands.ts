/** Random command lines of ipvsadm: most of them sensible, on few services and servers so that they meet; some with one thing wrong. */

import { randomFrom } from "../../test/random.ts";

type Chance = () => number;

const SERVICES = [
  ["-t", "198.18.0.1:80"],
  ["-t", "198.18.0.1:443"],
  ["-t", "198.18.0.2:0"],
  ["-t", "207.1.1.1:80"],
  ["-u", "198.18.0.1:53"],
  ["-u", "198.18.0.1:domain"],
  ["--sctp-service", "198.18.0.1:2905"],
  ["-t", "[2001:db8::1]:80"],
  ["-u", "[2001:db8::1]:53"],
  ["-f", "1"],
  ["-f", "4294967295"],
  ["-f", "7", "-6"],
] as const;
const SERVERS_V4 = ["10.0.0.1:80", "10.0.0.2:8080", "10.0.0.3", "192.168.9.9:80", "10.0.0.4:0", "10.0.0.5:http"];
const SERVERS_V6 = ["[2001:db8:1::1]:80", "[2001:db8:1::2]:8080", "[2001:db8:1::3]:0"];
const SCHEDULERS = ["rr", "wrr", "lc", "wlc", "sed", "nq", "sh", "dh", "mh", "lblc", "lblcr", "fo", "ovf"];
const FLAGS = ["flag-1", "flag-3", "sh-port", "sh-fallback", "mh-port", "mh-fallback,mh-port", "flag-1,flag-2,flag-3", "nonsense", ""];
const ODD = [
  "",
  "-1",
  "0",
  "abc",
  "65536",
  "4294967296",
  "1.5",
  "0x10",
  "::1",
  "1.2.3",
  "999.1.1.1:80",
  "1.2.3.4:99999",
  "[::1",
  "-t",
  "--",
  "=",
  "\u00e9",
];
const LISTS = [
  ["-Ln"],
  ["-L", "-n", "--stats", "--exact"],
  ["-Ln", "--thresholds"],
  ["-Ln", "--persistent-conn"],
  ["-Ln", "--tun-info"],
  ["-Sn"],
  ["-S", "-n"],
  ["-Ln", "--timeout"],
  ["-Ln", "--daemon"],
  ["-Lnc"],
  ["-L", "--rate", "-n"],
];
const STRAY = ["-n", "-c", "-w", "-s", "-p", "-m", "-o", "-6", "--exact", "--stats", "-r", "-x", "--pe", "-b", "-M", "--tun-type", "extra"];

export function* commandsFrom(seed: number): Generator<string[]> {
  const chance = randomFrom(seed);
  for (;;) {
    const command = whole(chance);
    yield chance() < 0.25 ? spoiled(command, chance) : command;
  }
}

function whole(chance: Chance): string[] {
  const service = pick(SERVICES, chance);
  const kind = chance();
  if (kind < 0.2) return ["-A", ...service, ...rules(service, chance)];
  if (kind < 0.26) return ["-E", ...service, ...rules(service, chance)];
  if (kind < 0.3) return ["-D", ...service];
  if (kind < 0.55) return ["-a", ...server(service, chance)];
  if (kind < 0.65) return ["-e", ...server(service, chance)];
  if (kind < 0.7) return ["-d", ...service, "-r", pick(serversOf(service), chance)];
  if (kind < 0.71) return ["-C"];
  if (kind < 0.74) return chance() < 0.5 ? ["-Z"] : ["-Z", ...service];
  if (kind < 0.77) return ["--set", ...Array.from({ length: 3 }, () => `${Math.floor(chance() * 1000)}`)];
  if (kind < 0.79) return daemon(chance);
  if (kind < 0.85) return [...pick(LISTS, chance), ...(chance() < 0.5 ? service : [])];
  return [...pick(LISTS, chance)];
}

function rules(service: readonly string[], chance: Chance): string[] {
  const six = service.includes("-6") || service.some((word) => word.startsWith("["));
  return [
    ...(chance() < 0.8 ? ["-s", pick(SCHEDULERS, chance)] : []),
    ...(chance() < 0.4 || service[1]?.endsWith(":0") ? (chance() < 0.5 ? ["-p"] : ["-p", `${1 + Math.floor(chance() * 5000)}`]) : []),
    ...(chance() < 0.2
      ? ["-M", six ? `${Math.floor(chance() * 130)}` : pick(["255.255.255.0", "255.255.0.0", "255.255.255.255", "24"], chance)]
      : []),
    ...(chance() < 0.15 ? ["-b", pick(FLAGS, chance)] : []),
    ...(chance() < 0.1 ? ["-o"] : []),
    ...(chance() < 0.1 ? ["--pe", "sip"] : []),
  ];
}

function server(service: readonly string[], chance: Chance): string[] {
  const name = chance() < 0.9 ? pick(serversOf(service), chance) : pick([...SERVERS_V4, ...SERVERS_V6], chance);
  return [
    ...service,
    "-r",
    name,
    ...(chance() < 0.8 ? [pick(["-m", "-m", "-g", "-i"], chance)] : []),
    ...(chance() < 0.5 ? ["-w", `${Math.floor(chance() * 10)}`] : []),
    ...(chance() < 0.2 ? ["-x", `${Math.floor(chance() * 100)}`] : []),
    ...(chance() < 0.2 ? ["-y", `${Math.floor(chance() * 100)}`] : []),
    ...(chance() < 0.15 ? ["--tun-type", pick(["ipip", "gre", "gue"], chance)] : []),
    ...(chance() < 0.1 ? ["--tun-port", "6080"] : []),
    ...(chance() < 0.1 ? [pick(["--tun-csum", "--tun-nocsum", "--tun-remcsum"], chance)] : []),
  ];
}

function daemon(chance: Chance): string[] {
  const role = pick(["master", "backup"], chance);
  if (chance() < 0.5) return ["--stop-daemon", role];
  return ["--start-daemon", role, "--mcast-interface", pick(["d0", "d0", "nosuch"], chance), ...(chance() < 0.5 ? ["--syncid", "9"] : [])];
}

/** One thing wrong: a word left out, one too many, one that makes no sense, or two that changed places. */
function spoiled(command: readonly string[], chance: Chance): string[] {
  const words = [...command];
  const at = Math.floor(chance() * words.length);
  const kind = chance();
  if (kind < 0.3) words.splice(at, 1);
  else if (kind < 0.6) words.splice(at, 1, pick(ODD, chance));
  else if (kind < 0.85) words.splice(at + 1, 0, pick(STRAY, chance));
  else words.reverse();
  // Without words it lists with names, and a host's names are its own.
  return words.length === 0 ? ["-Ln"] : words;
}

function serversOf(service: readonly string[]): readonly string[] {
  return service.includes("-6") || service.some((word) => word.startsWith("[")) ? SERVERS_V6 : SERVERS_V4;
}

function pick<Item>(items: readonly Item[], chance: Chance): Item {
  const item = items[Math.floor(chance() * items.length)];
  if (item === undefined) throw new RangeError("nothing to pick from");
  return item;
}
