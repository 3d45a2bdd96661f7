/** Who leads a client's new connections: templates, marks, and the look-up of a service by more than its own port. */

import { parseAddress } from "../../src/model/address.ts";
import { DEFAULT_SETTINGS, type MarkRule } from "../../src/model/plane.ts";
import type { RealServer, VirtualService } from "../../src/model/service.ts";
import { headOf } from "../../src/reconcile/diff.ts";
import { ACK, answeredByTc, apply, FAMILIES, FIN, hopped, left, passed, RST, request, SYN, server, service, VIPS } from "./cast.ts";
import { type Facts, icmpAnswer, packet } from "./packets.ts";
import type { PacketStep, Row } from "./row.ts";

/** DR: the packet shows by itself that its port stays. */
function says(to: RealServer, facts: Facts): PacketStep {
  return { send: packet(facts), expect: { kind: "forwarded", server: to, as: packet(hopped(facts)) } };
}

function refused(facts: Facts): PacketStep {
  const answer = icmpAnswer(facts, "portUnreachable");
  return { send: packet(facts), expect: answeredByTc({ kind: "answered", with: answer, outcome: "ICMP_UNREACHABLE" }) };
}

function pass(facts: Facts, outcome: string): PacketStep {
  return { send: packet(facts), expect: passed(outcome) };
}

const OTHERS = {
  ipv4: { near: parseAddress("198.51.100.8"), far: parseAddress("203.0.113.9") },
  ipv6: { near: parseAddress("2001:db8:c::8"), far: parseAddress("2001:db8:d::9") },
} as const;
const MASKS = { ipv4: parseAddress("255.255.255.0"), ipv6: parseAddress("ffff:ffff:ffff:ffff::") } as const;
const FOR_AN_HOUR = { persistence: { timeoutSeconds: 3600 } } as const;

const persistence = FAMILIES.flatMap((family): Row[] => {
  // Schedulers walk newest first: rr begins with the second.
  const first = server(family, "dr", { n: 1 });
  const second = server(family, "dr", { n: 2 });
  const from = (facts: Partial<Facts> = {}) => request(family, facts);
  const near = (facts: Partial<Facts> = {}) => from({ source: OTHERS[family].near, ...facts });
  const far = (facts: Partial<Facts> = {}) => from({ source: OTHERS[family].far, ...facts });
  const both = (facts: Partial<VirtualService>) => service(family, [first, second], facts);
  const counts = (of: RealServer, connections: number, templates: number) => ({
    ...left(of, connections, connections, 0),
    persistent: templates,
  });

  const anyPort = (n: number) => server(family, "dr", { n, port: 0 });
  const wide = service(family, [anyPort(1), anyPort(2)], { port: 0, ...FOR_AN_HOUR });
  const marked = service(family, [anyPort(1), anyPort(2)], {
    address: parseAddress(family === "ipv4" ? "0.0.0.0" : "::"),
    port: 0,
    mark: 7,
    ...FOR_AN_HOUR,
  });
  const rules: readonly MarkRule[] = [
    {
      mark: 9,
      protocol: "tcp",
      destination: { address: VIPS[family], length: family === "ipv4" ? 32 : 128 },
      ports: { first: 22, last: 22 },
    },
    { mark: 7, destination: { address: VIPS[family], length: family === "ipv4" ? 32 : 128 }, ports: { first: 80, last: 443 } },
  ];
  const anywhere: MarkRule = {
    mark: 7,
    source: { address: parseAddress(family === "ipv4" ? "198.51.100.0" : "2001:db8:c::"), length: family === "ipv4" ? 24 : 64 },
    ports: { first: 3128, last: 3128 },
  };
  const marking = apply("the rules give marks", { kind: "edit-marks", before: [], after: rules });
  const unmarking = apply("the rules go", { kind: "edit-marks", before: rules, after: [] });
  const ftp = both({ port: 21, ...FOR_AN_HOUR });
  const plainFtp = both({ port: 21 });
  const web = both(FOR_AN_HOUR);
  const quiesced = { ...second, weight: 0 };
  const strict = { ...DEFAULT_SETTINGS, expireQuiescentTemplate: true };
  return [
    {
      name: `${family}: one port: a client stays with its server, another gets the next`,
      services: [web],
      steps: [
        says(second, from()),
        says(second, from({ sourcePort: 40_001 })),
        says(first, near()),
        says(second, from({ sourcePort: 40_002 })),
        says(first, near({ sourcePort: 40_001 })),
      ],
      left: [counts(second, 3, 1), counts(first, 2, 1)],
    },
    {
      name: `${family}: clients of one network are one client under a mask`,
      services: [both({ persistence: { timeoutSeconds: 60, clientMask: MASKS[family] } })],
      steps: [says(second, from()), says(second, near()), says(first, far()), says(second, near({ sourcePort: 40_001 }))],
      left: [counts(second, 3, 1), counts(first, 1, 1)],
    },
    {
      name: `${family}: every port: a client's connections to any port stay together`,
      services: [wide],
      steps: [
        says(anyPort(2), from()),
        says(anyPort(2), from({ destinationPort: 8080 })),
        says(anyPort(1), near({ destinationPort: 8080 })),
        says(anyPort(1), near({ destinationPort: 443 })),
        says(anyPort(2), from({ destinationPort: 443 })),
      ],
      left: [counts(anyPort(2), 3, 1), counts(anyPort(1), 2, 1)],
    },
    {
      name: `${family}: a mark: ports and protocols share the choice; what no rule takes is nobody's`,
      services: [marked],
      steps: [
        marking,
        says(anyPort(2), from()),
        says(anyPort(2), from({ destinationPort: 443 })),
        says(anyPort(1), near({ destinationPort: 443 })),
        says(anyPort(1), near({ destinationPort: 80, protocol: "udp" })),
        pass(from({ destinationPort: 444 }), "PASS_NO_SERVICE"),
        pass(from({ destinationPort: 22 }), "PASS_NO_SERVICE"),
        unmarking,
      ],
      left: [counts(anyPort(2), 2, 1), { ...left(anyPort(1), 2, 1, 1), persistent: 1 }],
    },
    {
      name: `${family}: a mark for every destination: the address need not be a service's`,
      services: [{ ...marked, persistence: undefined } as unknown as VirtualService],
      steps: [
        apply("a rule gives marks", { kind: "edit-marks", before: [], after: [anywhere] }),
        says(anyPort(2), from({ destination: OTHERS[family].far, destinationPort: 3128 })),
        says(anyPort(1), from({ destination: OTHERS[family].near, destinationPort: 3128 })),
        says(anyPort(2), from({ destination: OTHERS[family].far, destinationPort: 3128, flags: ACK })),
        pass(from({ destination: OTHERS[family].far, destinationPort: 3129 }), "PASS_NO_SERVICE"),
        pass(from({ destination: OTHERS[family].far, destinationPort: 3128, source: OTHERS[family].far }), "PASS_NO_SERVICE"),
        apply("the rule goes", { kind: "edit-marks", before: [anywhere], after: [] }),
      ],
      left: [counts(anyPort(2), 1, 0), counts(anyPort(1), 1, 0)],
    },
    {
      name: `${family}: a mark goes before the address`,
      services: [service(family, [first]), marked],
      steps: [marking, says(anyPort(2), from()), unmarking, says(first, from({ sourcePort: 40_001 }))],
      left: [counts(anyPort(2), 1, 1), counts(first, 1, 0)],
    },
    {
      name: `${family}: every port without persistence: nothing would hold a client together, so it is refused`,
      services: [{ ...wide, persistence: undefined } as unknown as VirtualService],
      steps: [refused(from())],
      left: [],
    },
    {
      name: `${family}: an FTP service has its clients' data connections too; from port 20 none is scheduled`,
      services: [ftp],
      steps: [
        says(second, from({ destinationPort: 21 })),
        says(second, from({ destinationPort: 50_000 })),
        says(first, near({ destinationPort: 1024 })),
        pass(from({ destinationPort: 1023 }), "PASS_NO_SERVICE"),
        pass(from({ destinationPort: 21, sourcePort: 20 }), "PASS_FTP"),
      ],
      left: [counts(second, 2, 1), counts(first, 1, 1)],
    },
    {
      name: `${family}: an FTP service without persistence leaves other ports to the host`,
      services: [plainFtp],
      steps: [says(second, from({ destinationPort: 21 })), pass(from({ destinationPort: 50_000 }), "PASS_FTP")],
      left: [counts(second, 1, 0)],
    },
    {
      name: `${family}: a template leads to a server of weight 0 still, unless it shall not`,
      services: [web],
      steps: [
        says(second, from()),
        apply("the weight becomes 0", { kind: "edit-server", service: headOf(web), before: second, after: quiesced }),
        says(second, from({ sourcePort: 40_001 })),
        apply("quiescent templates expire", { kind: "edit-settings", before: DEFAULT_SETTINGS, after: strict }),
        says(first, from({ sourcePort: 40_002 })),
        says(first, from({ sourcePort: 40_003 })),
        apply("no more", { kind: "edit-settings", before: strict, after: DEFAULT_SETTINGS }),
      ],
      // The template that leads nobody any more is left to time out.
      left: [counts(second, 2, 1), counts(first, 2, 1)],
    },
  ];
});

const beginnings = FAMILIES.flatMap((family): Row[] => {
  const first = server(family, "dr", { n: 1 });
  const second = server(family, "dr", { n: 2 });
  const from = (facts: Partial<Facts> = {}) => request(family, facts);
  const datagram = (facts: Partial<Facts> = {}) => request(family, { protocol: "udp", ...facts });
  const both = (facts: Partial<VirtualService> = {}) => service(family, [first, second], facts);
  const keep = { ...DEFAULT_SETTINGS, connectionReuse: 0 };
  const early = { ...DEFAULT_SETTINGS, connectionReuse: 3 };
  const atOnce = { ...DEFAULT_SETTINGS, expireNodest: true };
  const setting = (deed: string, after: typeof DEFAULT_SETTINGS) => apply(deed, { kind: "edit-settings", before: DEFAULT_SETTINGS, after });
  const back = (before: typeof DEFAULT_SETTINGS) => apply("as ever", { kind: "edit-settings", before, after: DEFAULT_SETTINGS });
  const held = both();
  const over = [says(second, from()), says(second, from({ flags: ACK })), says(second, from({ flags: RST }))];
  const finished = [says(second, from()), says(second, from({ flags: ACK })), says(second, from({ flags: FIN | ACK }))];
  return [
    {
      name: `${family}: one-packet: every datagram is scheduled anew and nothing stays`,
      hooks: ["tc"],
      services: [both({ protocol: "udp", onePacket: true })],
      steps: [says(second, datagram()), says(first, datagram()), says(second, datagram())],
      left: [left(second, 2, 0, 0), left(first, 1, 0, 0)],
    },
    {
      name: `${family}: one-packet: XDP leaves the choice to tc, or it might be made twice`,
      hooks: ["xdp"],
      services: [both({ protocol: "udp", onePacket: true })],
      steps: [pass(datagram(), "PASS_TO_TC"), pass(datagram(), "PASS_TO_TC")],
      left: [],
    },
    {
      name: `${family}: one-packet with persistence: the template says where`,
      hooks: ["tc"],
      services: [both({ protocol: "udp", onePacket: true, ...FOR_AN_HOUR })],
      steps: [says(second, datagram()), says(second, datagram()), says(second, datagram({ sourcePort: 40_001 }))],
      left: [{ ...left(second, 3, 0, 0), persistent: 1 }],
    },
    {
      name: `${family}: sloppy: whatever is no RST begins a connection`,
      services: [both({ sloppy: true })],
      steps: [
        pass(from({ flags: RST }), "PASS_NOT_NEW"),
        says(second, from({ flags: ACK })),
        says(second, from({ flags: ACK })),
        says(first, from({ flags: FIN | ACK, sourcePort: 40_001 })),
      ],
      left: [left(second, 1, 1, 0), left(first, 1, 0, 1)],
    },
    {
      name: `${family}: a packet from the midst of a connection that nobody knows begins none`,
      services: [held],
      steps: [ACK, FIN | ACK, RST, 0].map((flags) => pass(from({ flags }), "PASS_NOT_NEW")),
      left: [],
    },
    {
      name: `${family}: a SYN replaces a connection that is over`,
      services: [held],
      steps: [...over, says(first, from())],
      left: [left(second, 1, 0, 0), left(first, 1, 1, 0)],
    },
    {
      name: `${family}: and goes on with it where connections are not replaced`,
      services: [held],
      steps: [setting("connections are not replaced", keep), ...over, says(second, from()), back(keep)],
      left: [left(second, 1, 1, 0)],
    },
    {
      name: `${family}: a SYN goes on with a connection that is finishing`,
      services: [held],
      steps: [...finished, says(second, from())],
      left: [left(second, 1, 1, 0)],
    },
    {
      name: `${family}: and replaces it where that is wanted`,
      services: [held],
      steps: [setting("finishing connections are replaced too", early), ...finished, says(first, from()), back(early)],
      left: [left(second, 1, 0, 0), left(first, 1, 1, 0)],
    },
    {
      name: `${family}: a connection that a template led is never replaced`,
      services: [both(FOR_AN_HOUR)],
      steps: [...over, says(second, from())],
      left: [{ ...left(second, 1, 1, 0), persistent: 1 }],
    },
    {
      name: `${family}: a deleted server's connections end at once where that is wanted`,
      services: [held],
      steps: [
        setting("connections of deleted servers end", atOnce),
        says(second, from()),
        says(first, from({ sourcePort: 40_001 })),
        says(second, from({ sourcePort: 40_002 })),
        apply("the server goes", { kind: "delete-server", service: headOf(held), server: second }),
        pass(from({ flags: ACK }), "PASS_NOT_NEW"),
        says(first, from({ flags: SYN, sourcePort: 40_002 })),
        back(atOnce),
      ],
      left: [left(first, 2, 2, 0), left(second, 2, 0, 0)],
    },
  ];
});

export const PERSISTENCE_ROWS: readonly Row[] = [...persistence, ...beginnings];
