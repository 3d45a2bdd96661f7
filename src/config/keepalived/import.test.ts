/** What importKeepalived() makes of statements one by one: what is carried, what keepalived puts right by itself, what is wrong and where. */

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: keepalived's definitions look so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatComplaint } from "../complaint.ts";
import { formatReport, type Imported } from "../import-report.ts";
import { importKeepalived } from "./import.ts";

function imported(text: string): Imported {
  return importKeepalived({ fileName: "k.conf", text }, { configId: "main", include: () => "no files here" });
}

/** A virtual server with one real server. */
function web(inside: string, server = ""): string {
  return `virtual_server 192.0.2.1 80 {\nprotocol TCP\n${inside}\nreal_server 10.0.0.1 80 {\n${server}\n}\n}`;
}

function serviceOf(text: string): Record<string, unknown> {
  const { value, mistakes } = imported(text);
  assert.deepEqual(mistakes.map(formatComplaint), []);
  const [service] = (value?.["services"] ?? []) as Record<string, unknown>[];
  assert.ok(service !== undefined, "there is a service");
  return service;
}

const mistakesOf = (text: string) => imported(text).mistakes.map(formatComplaint);
const remarksOf = (text: string) => imported(text).remarks.map(formatComplaint);
const fateOf = (text: string, keyword: string) => {
  const entry = imported(text).entries.find(({ statement }) => statement.split(" ")[0] === keyword);
  return entry === undefined ? undefined : `${entry.fate}: ${entry.note}`;
};

test("Without words keepalived's defaults hold: wlc, NAT, UDP, weight 1", () => {
  const service = serviceOf("virtual_server 192.0.2.1 80 {\nreal_server 10.0.0.1 80 {\n}\n}");
  assert.deepEqual(service, {
    address: "192.0.2.1",
    port: 80,
    protocol: "udp",
    scheduler: "wlc",
    method: "nat",
    servers: [{ address: "10.0.0.1" }],
  });
});

test("The last one of several statements counts", () => {
  assert.equal(serviceOf(web("lb_algo rr\nlvs_sched sed"))["scheduler"], "sed");
});

test("A service for all ports, or with a granularity, is persistent for 360 seconds, as keepalived makes it", () => {
  assert.equal(serviceOf("virtual_server 192.0.2.1 {\nprotocol TCP\nreal_server 10.0.0.1 {\n}\n}")["persistent"], 360);
  assert.deepEqual(serviceOf(web("persistence_granularity 255.255.0.0"))["persistent"], { timeout: 360, netmask: "255.255.0.0" });
  assert.deepEqual(serviceOf(web("persistence_timeout 60\npersistence_granularity 24"))["persistent"], { timeout: 60, prefix_length: 24 });
  assert.deepEqual(serviceOf(web("persistence_timeout 60\npersistence_granularity 255.255.255.255"))["persistent"], 60);
});

test("A checker's times come from itself, its server, its virtual server, or keepalived's defaults", () => {
  const checksOf = (text: string) => serviceOf(text)["checks"];
  const usual = { interval: "60s", timeout: "5s", fast_interval: "1s", rise: 1, fall: 2 };
  assert.deepEqual(checksOf(web("", "TCP_CHECK {\n}")), [{ tcp: {}, ...usual }]);
  assert.deepEqual(checksOf(web("delay_loop 6\nretry 4", "delay_loop 3\nTCP_CHECK {\nconnect_timeout 2.5\n}")), [
    { tcp: {}, interval: "3s", timeout: "2500ms", fast_interval: "1s", rise: 1, fall: 5 },
  ]);
  assert.deepEqual(checksOf(web("", "DNS_CHECK {\n}")), [
    { dns: { name: ".", type: "SOA" }, interval: "60s", timeout: "5s", rise: 1, fall: 4 },
  ]);
  assert.deepEqual(checksOf(web("delay_loop 20", "MISC_CHECK {\nmisc_path \"/bin/check 'a b' c\"\n}")), [
    { script: { command: ["/bin/check", "a b", "c"] }, interval: "20s", timeout: "20s", rise: 1, fall: 1 },
  ]);
  assert.equal(
    fateOf(web("delay_loop 1", "TCP_CHECK {\ndelay_before_retry 3\n}"), "delay_before_retry"),
    "approximated: no longer than the interval: 1s",
  );
});

test("Each url of a checker is a check, by the host that is said nearest to it", () => {
  const text = web(
    "virtualhost a",
    "virtualhost b\nHTTP_GET {\nurl {\npath /1\nvirtualhost c\n}\nurl {\npath /2\nstatus_code 200 300-399\n}\n}",
  );
  assert.deepEqual(
    (serviceOf(text)["checks"] as { http: unknown }[]).map(({ http }) => http),
    [
      { path: "/1", host: "c" },
      { path: "/2", host: "b", status: [200, "300-399"] },
    ],
  );
});

test("What is asked of an answer that no check here could ask is told and left out", () => {
  const url = (more: string) => web("", `HTTP_GET {\nurl {\npath /\n${more}\n}\n}`);
  assert.deepEqual(serviceOf(url("regex a(?=b)"))["checks"], serviceOf(url(""))["checks"]);
  assert.equal(fateOf(url("regex a(?=b)"), "regex")?.split(":")[0], "dropped");
  assert.equal(fateOf(url("regex a\nregex_no_match"), "regex")?.split(":")[0], "dropped");
  assert.equal(fateOf(url('regex "^ok$"'), "regex")?.split(":")[0], "approximated");
});

test("keepalived's freely written hexadecimal becomes two digits a byte", () => {
  const [check] = serviceOf(web("", "UDP_CHECK {\npayload Ab12f 3 456\nrequire_reply\n}"))["checks"] as { udp: Record<string, unknown> }[];
  assert.deepEqual(check?.udp, { payload_hex: "Ab120f034506", require_reply: true });
});

test("A quorum above all weights is reduced, and a hysteresis so far that the quorum can be gained again", () => {
  assert.equal(serviceOf(web("quorum 5", "weight 3"))["quorum"], 3);
  assert.equal(fateOf(web("quorum 5", "weight 3"), "quorum"), "approximated: 3, what all servers weigh together, as keepalived reduces it");
  assert.deepEqual(serviceOf(web("quorum 5\nhysteresis 4", "weight 8"))["quorum"], { weight: 5, hysteresis: 3 });
  assert.equal(fateOf(web("quorum 1", "weight 0"), "quorum"), "dropped: the servers have no weight, and so no quorum");
});

test("Servers of DR and TUN have the service's port, as keepalived resets it", () => {
  const text = "virtual_server 192.0.2.1 80 {\nprotocol TCP\nlvs_method DR\nreal_server 10.0.0.1 8080 {\n}\n}";
  assert.deepEqual(serviceOf(text)["servers"], [{ address: "10.0.0.1" }]);
  assert.match(fateOf(text, "real_server") ?? "", /^approximated: port 80/);
});

test("Flags are for the schedulers that have them", () => {
  assert.deepEqual(serviceOf(web("lvs_sched sh\nsh-port\nflag-1"))["scheduler_flags"], ["fallback", "port"]);
  assert.equal(fateOf(web("lvs_sched rr\nmh-port"), "mh-port"), "dropped: rr has no mh-port");
});

test("A group is a service for each address of each range, and each mark", () => {
  const text = `virtual_server_group G {\n192.0.2.254-192.0.3.1 80\n2001:db8::fffe-2001:db8::1:1 81\n192.0.2.8/30 82\n192.0.2.1-2 83\nfwmark 7\n}
virtual_server group G {\nprotocol TCP\nlb_kind TUN\nreal_server 10.0.0.1 80 {\n}\n}`;
  const { value, mistakes } = imported(text);
  assert.deepEqual(mistakes, []);
  const names = ((value?.["services"] ?? []) as Record<string, unknown>[]).map(
    (service) => (service["mark"] as number | undefined) ?? `${service["address"] as string} ${service["port"] as number}`,
  );
  const expected = [
    "192.0.2.254 80, 192.0.2.255 80, 192.0.3.0 80, 192.0.3.1 80",
    "2001:db8::fffe 81, 2001:db8::ffff 81, 2001:db8::1:0 81, 2001:db8::1:1 81",
    "192.0.2.8 82, 192.0.2.9 82, 192.0.2.10 82, 192.0.2.11 82, 192.0.2.1 83, 192.0.2.2 83, 7",
  ];
  assert.equal(names.join(", "), expected.join(", "));
});

test("Words that keepalived passes over are told, with what was meant", () => {
  assert.deepEqual(remarksOf(web("persistance_timeout 5", "wieght 3")), [
    'k.conf:3:1: keepalived passes over "persistance_timeout", which is no keyword of virtual_server; did you mean "persistence_timeout"?',
    'k.conf:5:1: keepalived passes over "wieght", which is no keyword of real_server; did you mean "weight"?',
  ]);
  assert.deepEqual(remarksOf(web("lb_algo rr lb_kind DR")), [
    'k.conf:3:12: keepalived passes over what stands here after lb_algo: "lb_kind DR"; give it a line of its own',
  ]);
  assert.deepEqual(remarksOf(web("", "TPC_CHECK {\nconnect_timeout 3\n}")), [
    'k.conf:5:1: keepalived passes over "TPC_CHECK", which is no keyword of real_server; did you mean "TCP_CHECK"?',
  ]);
  assert.deepEqual(remarksOf("virtual_server 192.0.2.1 80 {\n}"), [
    "k.conf:1:1: the virtual server has no real servers; keepalived passes over it",
  ]);
});

test("What is wrong is told with its place, all of it at once, and then there is no value", () => {
  assert.deepEqual(mistakesOf(web("lb_algo wrrr\nlb_kind NATT", "weight x\nTCP_CHECK {\nconnect_port 70000\n}")), [
    'k.conf:3:9: "wrrr" is not a scheduler; allowed: rr, wrr, lc, wlc, sed, nq, sh, dh, mh, lblc, lblcr, fo, ovf, twos; did you mean "wrr"?',
    'k.conf:4:9: "NATT" is not a forwarding method, and keepalived would take NAT; allowed: NAT, DR, TUN',
    'k.conf:6:8: "x" is not a whole number from 0 to 2147483647',
    'k.conf:8:14: "70000" is not a whole number from 1 to 65535',
  ]);
  assert.equal(imported(web("lb_algo wrrr")).value, undefined);
  assert.deepEqual(mistakesOf("virtual_server 192.0.2.300 80 {\nreal_server 10.0.0.1 80 {\n}\n}"), [
    'k.conf:1:16: "192.0.2.300" is not an IPv4 or IPv6 address',
  ]);
  assert.deepEqual(mistakesOf("virtual_server group G {\nreal_server 10.0.0.1 80 {\n}\n}"), [
    'k.conf:1:22: there is no virtual_server_group "G"; keepalived passes over the virtual server',
  ]);
  assert.deepEqual(mistakesOf(`${web("")}\n${web("")}`), [
    "k.conf:8:1: 192.0.2.1:80: keepalived has this virtual server twice, first on line 1",
  ]);
});

test("Braces and quotes that are missing or too many are told with the place where they began", () => {
  assert.deepEqual(mistakesOf("global_defs {\nrouter_id a"), ['k.conf:1:1: the block of "global_defs" is not closed: its } is missing']);
  assert.deepEqual(mistakesOf("global_defs {\n}\n}"), ["k.conf:3:1: a } too many: no block is open here"]);
  assert.deepEqual(mistakesOf("{\n}"), ["k.conf:1:1: a { without a keyword before it"]);
  assert.deepEqual(mistakesOf('global_defs {\n router_id "a\n}'), ["k.conf:2:12: a quote begins here and does not end on this line"]);
});

test("The account has every statement in the order of the file, and sums them up", () => {
  assert.equal(
    formatReport("k.conf", imported("@other x\nglobal_defs {\n  router_id LB\n  lvs_timeouts tcp 60\n}\n")),
    `k.conf: 4 statements: 2 exact, 0 approximated, 2 not carried
k.conf:1  not carried   @other x             for another machine than "main"
k.conf:2  exact         global_defs
k.conf:3  not carried   router_id LB         of VRRP and mails
k.conf:4  exact         lvs_timeouts tcp 60  settings.timeouts
`,
  );
});

test("The account has definitions too, and what they stand for once, with how often", () => {
  const text =
    "$V= \\\n virtual_server 192.0.2.${N} 80 { \\\n protocol TCP \\\n real_server 10.0.0.1 80 { \\\n } \\\n }\n$N=1\n$V\n$N=2\n$V\n$OLD=1\n";
  assert.equal(
    formatReport("k.conf", imported(text)),
    `k.conf: 10 statements: 9 exact, 0 approximated, 1 not carried
k.conf:1   exact         $V=                          a definition
k.conf:2   exact         virtual_server 192.0.2.1 80
k.conf:2   exact         virtual_server 192.0.2.2 80
k.conf:3   exact         protocol TCP                 protocol; 2 times
k.conf:4   exact         real_server 10.0.0.1 80      2 times
k.conf:7   exact         $N=1                         a definition
k.conf:9   exact         $N=2                         a definition
k.conf:11  not carried   $OLD=1                       nothing uses this definition
`,
  );
});

test("A persistence of 0 seconds, which many files have, is none", () => {
  assert.equal(serviceOf(web("persistence_timeout 0"))["persistent"], undefined);
  assert.equal(fateOf(web("persistence_timeout 0"), "persistence_timeout"), "exact: no persistence: keepalived passes over it");
});

test("This host as a server of its own is known by the virtual address, and checked where keepalived looks", () => {
  const service = serviceOf(web("sorry_server 127.0.0.1 80", "TCP_CHECK {\n}\n}\nreal_server 127.0.0.1 80 {\nTCP_CHECK {\n}"));
  assert.deepEqual(service["sorry_server"], { address: "192.0.2.1" });
  const [, own] = service["servers"] as { address: string; checks: { tcp: unknown }[] }[];
  assert.deepEqual([own?.address, own?.checks[0]?.tcp], ["192.0.2.1", { address: "127.0.0.1" }]);
  assert.deepEqual(remarksOf(web("sorry_server 127.0.0.1 8080")), [
    "k.conf:3:1: the director maps no ports for itself; let it listen on the service's own",
  ]);
});

test("A mistake in the servers of a group is told once, whatever the group stands for", () => {
  const text =
    "virtual_server_group G {\n192.0.2.1-9 80\n}\nvirtual_server group G {\nprotocol TCP\nreal_server 10.0.0.1 80 {\nweight x\n}\n}";
  assert.deepEqual(mistakesOf(text), ['k.conf:7:8: "x" is not a whole number from 0 to 2147483647']);
});

test("Words that every object of JavaScript has are words like others", () => {
  assert.deepEqual(mistakesOf("global_defs {\nlvs_timeouts toString 5\n}"), [
    "k.conf:2:14: lvs_timeouts is followed by tcp, tcpfin or udp, each with its seconds",
  ]);
  assert.match(mistakesOf(web("lb_kind constructor"))[0] ?? "", /"constructor" is not a forwarding method/);
  assert.match(mistakesOf(web("inhibit_on_failure valueOf"))[0] ?? "", /"valueOf" is not a switch/);
});
