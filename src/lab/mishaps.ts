/**
 * The classic mistakes of NAT, DR and TUN, made on purpose on one real server, to see how they look and to practise finding them.
 * Each says what it did and what will be seen; `mend` sets everything right again.
 */

import { EvenkeelError } from "../model/error.ts";
import { FORWARDING_METHODS, type ForwardingMethod } from "../model/service.ts";
import { forgetVipNeighbour } from "./cables.ts";
import { announce } from "./hosts.ts";
import { ipBatch, setSysctls } from "./ip.ts";
import { openLab } from "./lab.ts";
import { setUpRealServer } from "./real-servers.ts";
import { type Mishap, whileLocked, writeState } from "./state.ts";
import { ADDRESSES, type LabOptions, serverNames } from "./topology.ts";

export interface Mistake {
  readonly name: string;
  /** In one line, for lists. */
  readonly summary: string;
  /** With which methods it hurts. */
  readonly methods: readonly ForwardingMethod[];
  make(lab: LabOptions, node: string): void | Promise<void>;
  did(node: string): string;
  symptom(node: string): string;
}

const { vip, routerLan } = ADDRESSES;

export const MISTAKES: readonly Mistake[] = [
  {
    name: "arp",
    summary: "a real server announces the VIP that it should hide (DR, TUN)",
    methods: ["dr", "tun"],
    make: announceVip,
    did: (node) =>
      `${node}: arp_ignore and arp_announce are 0 again, the IPv6 VIP is on eth0, and ${node} has spoken to the router from the VIP`,
    symptom: (node) =>
      `${node} answers every request, the others none: the router holds ${node} for the owner of the VIP, and the director sees nothing`,
  },
  {
    name: "gateway",
    summary: "a real server's default gateway is the router instead of the director (NAT)",
    methods: ["nat"],
    make: (lab, node) => setUpRealServer(lab, node, { method: "nat", gateway: routerLan }),
    did: (node) => `${node}: the default gateway is the router (${routerLan.ipv4}, ${routerLan.ipv6}) instead of the director`,
    symptom: (node) =>
      `each connection that is scheduled to ${node} hangs: its replies reach the client past the director, from an address the client never asked`,
  },
  {
    name: "decap",
    summary: "a real server does not take the outer header off (TUN)",
    methods: ["tun"],
    make: (lab, node) => setUpRealServer(lab, node, { method: "dr", gateway: routerLan }),
    did: (node) => `${node}: is set up as for DR: the VIP is hidden, but nothing decapsulates`,
    symptom: (node) =>
      `each connection that is scheduled to ${node} hangs or is refused: packets reach it in their outer header and end there`,
  },
];

/** Makes the mistake on the real server and remembers it. */
export async function makeMistake(name: string, node: string, lab: string): Promise<Mistake> {
  const mistake = MISTAKES.find((candidate) => candidate.name === name);
  if (mistake === undefined)
    throw new EvenkeelError("BAD_ARGUMENT", `nothing breaks by the name "${name}"`, {
      cure: `there is ${MISTAKES.map((candidate) => candidate.name).join(", ")}`,
    });
  await whileLocked(lab, async () => {
    const { options, mishaps } = openLab(lab);
    refuseElsewhere(mistake, node, options);
    const made: Mishap = { name, node };
    // Remembered first: a mistake that was half made is mended too.
    writeState({ options, complete: true, mishaps: [...mishaps.filter((other) => other.name !== name || other.node !== node), made] });
    await mistake.make(options, node);
  });
  return mistake;
}

/** Sets the real servers up as they should be; returns what had been broken. */
export function mend(lab: string): Promise<readonly Mishap[]> {
  return whileLocked(lab, () => {
    const { options, mishaps } = openLab(lab);
    for (const node of serverNames(options.servers)) {
      ipBatch(lab, node, [`addr flush dev eth0 to ${vip.ipv6}/128`]);
      setUpRealServer(options, node);
    }
    forgetVipNeighbour(lab);
    writeState({ options, complete: true, mishaps: [] });
    return mishaps;
  });
}

function refuseElsewhere(mistake: Mistake, node: string, options: LabOptions): void {
  if (!mistake.methods.includes(options.method)) {
    const method = FORWARDING_METHODS.find((candidate) => mistake.methods.includes(candidate));
    throw new EvenkeelError(
      "BAD_ARGUMENT",
      `"${mistake.name}" hurts only with ${mistake.methods.join(" and ")}; lab "${options.name}" runs ${options.method}`,
      {
        cure: `evenkeel lab method ${method} --name ${options.name}`,
      },
    );
  }
  const servers = serverNames(options.servers);
  if (!servers.includes(node))
    throw new EvenkeelError("BAD_ARGUMENT", `"${node}" is no real server of lab "${options.name}"`, {
      cure: `there is ${servers.join(", ")}`,
    });
}

/** Not only possible but done: the server speaks from the VIP, and the router, which has to ask who it is, learns its card. */
async function announceVip(lab: LabOptions, node: string): Promise<void> {
  const hiding = (key: string) => ["all", "lo", "eth0"].map((device) => [`net/ipv4/conf/${device}/${key}`, "0"]);
  setSysctls(lab.name, node, Object.fromEntries([...hiding("arp_ignore"), ...hiding("arp_announce")]));
  ipBatch(lab.name, node, [`addr replace ${vip.ipv6}/128 dev eth0 nodad`, "neigh flush dev eth0"]);
  forgetVipNeighbour(lab.name);
  await announce(lab.name, node, { from: vip.ipv4, to: routerLan.ipv4 });
  await announce(lab.name, node, { from: vip.ipv6, to: routerLan.ipv6 });
}
