/** "Did you mean": the allowed word that a mistyped one is nearest to, or that other balancers' word for it stands for. */

/** Words of ipvsadm, keepalived, HAProxy and nginx for ours. */
const FOREIGN_WORDS: Readonly<Record<string, string>> = {
  masq: "nat",
  masquerading: "nat",
  gate: "dr",
  gatewaying: "dr",
  droute: "dr",
  direct: "dr",
  ipip: "tun",
  tunnel: "tun",
  tunneling: "tun",
  roundrobin: "rr",
  "round-robin": "rr",
  vip: "address",
  ip: "address",
  real_server: "servers",
  real_servers: "servers",
  backends: "servers",
  upstreams: "servers",
  reals: "servers",
  virtual_server: "services",
  virtual_servers: "services",
  lb_algo: "scheduler",
  algorithm: "scheduler",
  balance: "scheduler",
  lb_kind: "method",
  forwarding: "method",
  mode: "method",
  proto: "protocol",
  fwmark: "mark",
  firewall_mark: "mark",
  persistence: "persistent",
  persistence_timeout: "persistent",
  persistence_granularity: "netmask",
  granularity: "netmask",
  uthreshold: "upper_threshold",
  u_threshold: "upper_threshold",
  lthreshold: "lower_threshold",
  l_threshold: "lower_threshold",
  max_connections: "upper_threshold",
  ops: "one_packet",
  tun_type: "type",
  tun_port: "port",
  tcpfin: "tcp_fin",
  tcp_timeout: "tcp",
  udp_timeout: "udp",
  fullnat: "full_nat",
  snat: "full_nat",
  "sh-port": "port",
  "mh-port": "port",
  "sh-fallback": "fallback",
  "mh-fallback": "fallback",
  sysctl: "settings",
  rules: "marks",
  fwmarks: "marks",
  iif: "interface",
  dport: "port",
  dports: "ports",
  saddr: "source",
  daddr: "destination",
  http_get: "http",
  ssl_get: "https",
  tcp_check: "tcp",
  udp_check: "udp",
  dns_check: "dns",
  smtp_check: "smtp",
  ping_check: "ping",
  misc_check: "script",
  icmp: "ping",
  exec: "script",
  health_check: "checks",
  health_checks: "checks",
  healthcheck: "checks",
  check: "checks",
  delay_loop: "interval",
  inter: "interval",
  fastinter: "fast_interval",
  delay_before_retry: "fast_interval",
  connect_timeout: "timeout",
  misc_timeout: "timeout",
  misc_path: "command",
  misc_dynamic: "weight_from_exit_code",
  retry: "fall",
  nb_get_retry: "fall",
  status_code: "status",
  virtualhost: "host",
  quorum_up: "quorum",
  quorum_down: "quorum",
  backup: "sorry_server",
  vrrp_instance: "instances",
  vrrp: "instances",
  virtual_router_id: "vrid",
  advert_int: "advert_interval",
  virtual_ipaddress: "addresses",
  unicast_peer: "peers",
  track_interface: "track",
  auth_type: "type",
  auth_pass: "password",
  notify_up: "notify",
  notify_down: "notify",
  notification: "notify",
  bind: "address",
  listen: "socket",
};

export function suggest(word: string, allowed: readonly string[]): string | undefined {
  const lower = word.toLowerCase();
  const foreign = Object.hasOwn(FOREIGN_WORDS, lower) ? FOREIGN_WORDS[lower] : undefined;
  if (foreign !== undefined && allowed.includes(foreign)) return foreign;
  if (word.length > 40) return undefined;
  const meant = new Map(allowed.map((candidate) => [candidate, candidate]));
  for (const [other, ours] of Object.entries(FOREIGN_WORDS)) if (allowed.includes(ours) && !meant.has(other)) meant.set(other, ours);
  // A short word has few letters to recognise it by.
  const tolerance = lower.length <= 3 ? 1 : lower.length <= 6 ? 2 : 3;
  let nearest: string | undefined;
  let least = tolerance + 1;
  for (const [candidate, ours] of meant) {
    if (Math.abs(candidate.length - lower.length) >= least) continue;
    const distance = editDistance(lower, candidate);
    if (distance >= least || distance >= candidate.length) continue;
    nearest = ours;
    least = distance;
  }
  return nearest;
}

/** `; did you mean "weight"?`, or nothing. */
export function didYouMean(word: string, allowed: readonly string[]): string {
  const suggestion = suggest(word, allowed);
  return suggestion === undefined ? "" : `; did you mean "${suggestion}"?`;
}

/** Letters to insert, delete, replace, or swap with their neighbour (optimal string alignment). */
function editDistance(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, j) => j);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1];
      let distance = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      if (swapped) distance = Math.min(distance, (beforeLast[j - 2] ?? 0) + 1);
      row.push(distance);
    }
    beforeLast = last;
    last = row;
  }
  return last[other.length] ?? 0;
}
