/** Sequences of ipvsadm's commands that are well said, over few names, so that they meet: many are refused for what is there, or is not. */

import fc from "fast-check";
import { SCHEDULERS } from "../../src/model/service.ts";

type Words = readonly string[];

/** A service as it is named, and what that name allows. */
interface Named {
  readonly words: Words;
  readonly family: "ipv4" | "ipv6";
  /** -o: UDP and marks. */
  readonly onePacket?: true;
  /** Port 0 has to be persistent. */
  readonly everyPort?: true;
}

const SERVICES: readonly Named[] = [
  { words: ["-t", "192.0.2.1:80"], family: "ipv4" },
  { words: ["-t", "192.0.2.1:0"], family: "ipv4", everyPort: true },
  { words: ["-u", "192.0.2.1:53"], family: "ipv4", onePacket: true },
  { words: ["--sctp-service", "192.0.2.1:2905"], family: "ipv4" },
  { words: ["-t", "[2001:db8::1]:80"], family: "ipv6" },
  { words: ["-u", "[2001:db8::1]:5060"], family: "ipv6", onePacket: true },
  { words: ["-f", "7"], family: "ipv4", onePacket: true },
  { words: ["-f", "7", "-6"], family: "ipv6", onePacket: true },
];

const nothing = fc.constant<Words>([]);
/** As often there as not. */
const perhaps = (words: fc.Arbitrary<Words>): fc.Arbitrary<Words> => fc.oneof(nothing, words);
const joined = (...parts: readonly fc.Arbitrary<Words>[]): fc.Arbitrary<Words> => fc.tuple(...parts).map((all) => all.flat());
const number = (min: number, max: number): fc.Arbitrary<string> => fc.integer({ min, max }).map(String);

/** Each of sh and mh has its own names for the flags, and the others have numbers. */
function flagNames(scheduler: string): readonly string[] {
  return scheduler === "sh" || scheduler === "mh"
    ? [`${scheduler}-fallback`, `${scheduler}-port`, "flag-3"]
    : ["flag-1", "flag-2", "flag-3"];
}

const scheduling: fc.Arbitrary<Words> = perhaps(
  fc
    .constantFrom(...SCHEDULERS)
    .chain((scheduler) =>
      joined(
        fc.constant(["-s", scheduler]),
        perhaps(fc.subarray([...flagNames(scheduler)], { minLength: 1 }).map((flags) => ["-b", flags.join(",")])),
      ),
    ),
);

function persistence({ family, everyPort }: Named): fc.Arbitrary<Words> {
  const mask = family === "ipv4" ? fc.constantFrom("255.255.255.0", "255.0.255.0", "0.0.0.0") : number(1, 128);
  const persistent = joined(
    number(1, 2_678_400).map((seconds) => ["-p", seconds]),
    perhaps(mask.map((text) => ["-M", text])),
    perhaps(fc.constant(["--pe", "sip"])),
  );
  return everyPort ? persistent : perhaps(persistent);
}

function serviceRule(named: Named): fc.Arbitrary<Words> {
  return joined(scheduling, persistence(named), named.onePacket ? perhaps(fc.constant(["-o"])) : nothing);
}

/** Of the service's family; tunnels lead into the other one too. An IPv6 address is not taken without a port. */
const address = fc.record({ host: fc.integer({ min: 1, max: 4 }), port: fc.constantFrom("", ":80", ":8080", ":0"), crosses: fc.boolean() });

const tunnel: fc.Arbitrary<Words> = fc.oneof(
  nothing,
  fc.constant<Words>(["--tun-type", "ipip"]),
  fc.constantFrom<Words>([], ["--tun-nocsum"], ["--tun-csum"]).map((sum) => ["--tun-type", "gre", ...sum]),
  fc
    .tuple(number(1, 65_535), fc.constantFrom<Words>([], ["--tun-nocsum"], ["--tun-csum"], ["--tun-remcsum"]))
    .map(([port, sum]) => ["--tun-type", "gue", "--tun-port", port, ...sum]),
);
const method: fc.Arbitrary<Words> = fc.oneof(
  fc.constantFrom<Words>([], ["-m"], ["-g"]),
  tunnel.map((words) => ["-i", ...words]),
);

/** A lower threshold above the upper one is refused by IPVS, not by ipvsadm. */
const thresholds = perhaps(
  joined(
    number(0, 9).map((upper) => ["-x", upper]),
    perhaps(number(0, 9).map((lower) => ["-y", lower])),
  ),
);
const weight = perhaps(fc.oneof(number(0, 5), fc.constantFrom("65535", "65536", "2147483647")).map((words) => ["-w", words]));

function serverName({ family }: Named, tunnelled: boolean): fc.Arbitrary<Words> {
  return address.map(({ host, port, crosses }) => {
    const six = (family === "ipv6") !== (crosses && tunnelled);
    return ["-r", six ? `[fd77::${host}]${port || ":80"}` : `10.77.0.${host}${port}`];
  });
}

function serverCommand(named: Named): fc.Arbitrary<Words> {
  const rule = method.chain((words) => joined(serverName(named, words[0] === "-i"), fc.constant(words), weight, thresholds));
  return fc.oneof(
    { weight: 5, arbitrary: joined(fc.constant(["-a", ...named.words]), rule) },
    { weight: 2, arbitrary: joined(fc.constant(["-e", ...named.words]), rule) },
    { weight: 1, arbitrary: joined(fc.constant(["-d", ...named.words]), serverName(named, true)) },
  );
}

function commandOn(named: Named): fc.Arbitrary<Words> {
  return fc.oneof(
    { weight: 4, arbitrary: joined(fc.constant(["-A", ...named.words]), serviceRule(named)) },
    { weight: 2, arbitrary: joined(fc.constant(["-E", ...named.words]), serviceRule(named)) },
    { weight: 1, arbitrary: fc.constant<Words>(["-D", ...named.words]) },
    { weight: 8, arbitrary: serverCommand(named) },
  );
}

const elsewhere: fc.Arbitrary<Words> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<Words>(["-C"]) },
  { weight: 2, arbitrary: fc.tuple(number(0, 900), number(0, 120), number(0, 300)).map((seconds) => ["--set", ...seconds]) },
  { weight: 2, arbitrary: fc.constantFrom(...SERVICES).map(({ words }) => ["-Z", ...words]) },
);

/** The arguments of each call. */
export const sequences: fc.Arbitrary<readonly Words[]> = fc
  // Of few services each, so that servers find theirs.
  .subarray([...SERVICES], { minLength: 1, maxLength: 4 })
  .chain((named) =>
    fc.array(fc.oneof({ weight: 20, arbitrary: fc.constantFrom(...named).chain(commandOn) }, { weight: 1, arbitrary: elsewhere }), {
      minLength: 1,
      maxLength: 30,
    }),
  );
