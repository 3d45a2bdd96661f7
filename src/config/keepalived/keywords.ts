/**
 * Every keyword of keepalived.conf(5), version 2.2.7, by the block that it stands in: what becomes of it as a rule, how many words it takes, and
 * what may stand between its braces. Translations (services.ts, checks.ts, instances.ts) say where a single one fares otherwise.
 */

import type { Fate } from "../import-report.ts";

export interface KeywordRule {
  readonly fate: Fate;
  readonly note: string;
  /** How many words keepalived reads after it; it passes over more. */
  readonly words: number;
  /** What stands between its braces. */
  readonly grammar?: GrammarName;
}

export type Grammar = ReadonlyMap<string, KeywordRule>;

const ANY = Number.POSITIVE_INFINITY;

const NOTE = {
  logging: "of keepalived's own processes",
  mail: "nothing is told by mail; a command under notify: can",
  notify: "a command under notify: is told of every server",
  ha: "comes with high availability",
  snmp: "there is no SNMP; /metrics tells the same",
  script: "scripts run as nobody",
  routes: "routes, rules and addresses of the host are not Evenkeel's",
  instances: "in instances:, which nothing runs yet",
};

type Row = readonly [keywords: string, words: number, note?: string, grammar?: GrammarName];

function rows(fate: Fate, ...list: readonly Row[]): (readonly [string, KeywordRule])[] {
  return list.flatMap(([keywords, words, note = "", grammar]) =>
    keywords.split(" ").map((keyword) => [keyword, { fate, note, words, ...(grammar === undefined ? {} : { grammar }) }] as const),
  );
}
const exact = (...list: readonly Row[]) => rows("exact", ...list);
const approximated = (...list: readonly Row[]) => rows("approximated", ...list);
const dropped = (...list: readonly Row[]) => rows("dropped", ...list);

/** Of a real server and of the whole virtual server. */
const CHECK_TIMES: readonly Row[] = [
  ["delay_loop", 1, "interval of its checks"],
  ["connect_timeout", 1, "timeout of its checks"],
  ["retry nb_get_retry", 1, "fall of its checks: one more than the retries"],
  ["delay_before_retry", 1, "fast_interval of its checks"],
];
const CHECK_SPREAD: Row = ["warmup", 1, "first checks are spread over the interval by themselves"];

/** Of nearly every kind of checker. */
const CHECKER = [
  ...exact(...CHECK_TIMES, ["connect_ip", 1, "address"], ["connect_port", 1, "port"], ["bindto", 1, "bind"]),
  ...approximated(CHECK_SPREAD, ["alpha", 1, "of the whole service"], ["log_all_failures", 1, "every verdict is in the journal"]),
  ...dropped(
    ["bind_if", 1, "checks leave by the route"],
    ["bind_port", 1, "checks leave from any port"],
    ["fwmark", 1, "checks carry no mark"],
  ),
];

const SCRIPTS_OF_INSTANCES = "notify_master notify_backup notify_fault notify_stop notify notify_deleted";
const TRACKS = "track_script track_file track_process track_bfd";

const GRAMMARS = {
  file: [
    ...exact(
      ["virtual_server", 3, "", "virtual_server"],
      ["virtual_server_group", 1, "", "virtual_server_group"],
      ["global_defs", 0, "", "global_defs"],
    ),
    ...approximated(["vrrp_instance", 1, NOTE.instances, "vrrp_instance"], ["SSL", 0, "of each check by SSL_GET", "SSL"]),
    ...dropped(
      ["net_namespace net_namespace_ipvs", 1, "run it in that namespace: ip netns exec NAME evenkeel run"],
      ["namespace_with_ipsets use_pid_dir linkbeat_use_polling", 0, NOTE.logging],
      ["instance child_wait_time", 1, NOTE.logging],
      ["linkbeat_interfaces interface_up_down_delays", 0, NOTE.ha, "list"],
      ["static_ipaddress static_routes static_rules", 0, NOTE.routes, "list"],
      ["track_group", 1, NOTE.ha, "group"],
      ["track_file vrrp_track_file", 1, NOTE.ha, "track_file"],
      ["vrrp_track_process", 1, NOTE.ha, "vrrp_track_process"],
      ["vrrp_script", 1, NOTE.ha, "vrrp_script"],
      ["vrrp_sync_group", 1, NOTE.ha, "vrrp_sync_group"],
      ["bfd_instance", 1, "there is no BFD", "bfd_instance"],
      ["garp_group", 0, NOTE.ha, "garp_group"],
    ),
  ],
  /** Every line is an item. */
  list: [],
  group: dropped(["group", 0, NOTE.ha, "list"]),
  global_defs: [
    ...exact(
      ["lvs_timeouts", 6, "settings.timeouts"],
      ["lvs_flush", 0, "what a configuration does not say is taken away"],
      ["vrrp_version", 1, "version of instances"],
    ),
    ...approximated(
      ["script_user", 2, NOTE.script],
      ["enable_script_security", 0, "scripts have no privileges that could be misused"],
      ["checker_log_all_failures", 1, "every verdict is in the journal"],
      ["nftables_ipvs", 1, "each address of a group is a service of its own"],
    ),
    ...dropped(
      ["notification_email", 0, NOTE.mail, "list"],
      ["notification_email_from smtp_helo_name smtp_connect_timeout smtp_alert smtp_alert_vrrp smtp_alert_checker", 1, NOTE.mail],
      ["smtp_server", 2, NOTE.mail],
      ["no_email_faults no_checker_emails", 0, NOTE.mail],
      ["router_id", 1, "of VRRP and mails"],
      ["tmp_config_directory config_save_dir process_name vrrp_process_name checker_process_name bfd_process_name", 1, NOTE.logging],
      ["process_names data_use_instance umask random_seed reload_check_config reload_time_file reload_repeat reload_file", 1, NOTE.logging],
      ["include_check", ANY, "of reading the file"],
      ["startup_script shutdown_script", 3, "let systemd run it before and after the director"],
      ["startup_script_timeout shutdown_script_timeout", 1, NOTE.logging],
      ["lvs_sync_daemon", ANY, NOTE.ha],
      ["lvs_flush_on_stop", 1, "a director that ends leaves the services standing; evenkeel teardown takes them away"],
      ["nftables_ipvs_priority nftables_ipvs_start_fwmark", 1, "marks are not needed for that"],
      ["nftables nftables_priority nftables_counters nftables_ifindex vrrp_iptables vrrp_ipsets disable_local_igmp", 5, NOTE.ha],
      ["notify_fifo notify_fifo_script vrrp_notify_fifo vrrp_notify_fifo_script lvs_notify_fifo lvs_notify_fifo_script", 3, NOTE.notify],
      ["fifo_write_vrrp_states_on_reload rs_init_notifies", 0, NOTE.notify],
      ["enable_snmp_vrrp enable_snmp_checker enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_traps", 0, NOTE.snmp],
      ["snmp_socket", 1, NOTE.snmp],
      ["enable_dbus", 0, "there is no DBus; there is an API"],
      ["dbus_service_name", 1, "there is no DBus; there is an API"],
      ["dynamic_interfaces", 1, "interfaces are attached when they appear"],
      ["max_auto_priority min_auto_priority_delay", 1, NOTE.logging],
      ["vrrp_priority checker_priority bfd_priority vrrp_rt_priority checker_rt_priority bfd_rt_priority", 1, NOTE.logging],
      [
        "vrrp_rlimit_rttime vrrp_rlimit_rtime checker_rlimit_rttime checker_rlimit_rtime bfd_rlimit_rttime bfd_rlimit_rtime",
        1,
        NOTE.logging,
      ],
      ["vrrp_no_swap checker_no_swap bfd_no_swap", 0, NOTE.logging],
      ["vrrp_cpu_affinity checker_cpu_affinity bfd_cpu_affinity", ANY, NOTE.logging],
      ["vrrp_netlink_cmd_rcv_bufs vrrp_netlink_cmd_rcv_bufs_force vrrp_netlink_monitor_rcv_bufs", 1, NOTE.logging],
      ["vrrp_netlink_monitor_rcv_bufs_force lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force", 1, NOTE.logging],
      ["lvs_netlink_monitor_rcv_bufs lvs_netlink_monitor_rcv_bufs_force process_monitor_rcv_bufs", 1, NOTE.logging],
      ["process_monitor_rcv_bufs_force vrrp_rx_bufs_policy vrrp_rx_bufs_multiplier", 1, NOTE.logging],
      ["default_interface vrrp_mcast_group4 vrrp_mcast_group6 vrrp_garp_master_delay vrrp_garp_master_repeat", 1, NOTE.ha],
      ["vrrp_garp_lower_prio_delay vrrp_down_timer_adverts vrrp_garp_lower_prio_repeat vrrp_garp_master_refresh", 1, NOTE.ha],
      ["vrrp_garp_master_refresh_repeat vrrp_garp_interval vrrp_gna_interval vrrp_min_garp", 1, NOTE.ha],
      ["vrrp_garp_extra_if", 2, NOTE.ha],
      ["vrrp_lower_prio_no_advert vrrp_higher_prio_send_advert vrrp_notify_priority_changes vrrp_startup_delay", 1, NOTE.ha],
      ["vrrp_check_unicast_src vrrp_skip_check_adv_addr vrrp_strict log_unknown_vrids", 1, NOTE.ha],
      ["vmac_prefix vmac_addr_prefix", 1, NOTE.ha],
    ),
  ],
  virtual_server_group: exact(["fwmark", 2, ""]),
  virtual_server: [
    ...exact(
      ["lb_algo lvs_sched", 1, "scheduler"],
      ["lb_kind", 1, "method"],
      ["lvs_method", 6, "method"],
      ["flag-1 flag-2 flag-3 sh-port sh-fallback mh-port mh-fallback", 0, "scheduler_flags"],
      ["ops", 0, "one_packet"],
      ["persistence_timeout", 1, "persistent"],
      ["persistence_granularity", 1, "persistent.netmask"],
      ["protocol", 1, "protocol"],
      ["ip_family", 1, "family"],
      ["weight", 1, "weight of its servers"],
      ["virtualhost", 1, "host of its checks"],
      ["alpha", 1, "alpha"],
      ["omega", 0, "omega"],
      ["quorum", 1, "quorum.weight"],
      ["hysteresis", 1, "quorum.hysteresis"],
      ["quorum_up", 3, "quorum.up"],
      ["quorum_down", 3, "quorum.down"],
      ["inhibit_on_failure", 1, "inhibit_on_failure"],
      ["sorry_server", 2, "sorry_server"],
      ["sorry_server_lvs_method", 6, "sorry_server.method"],
      ["real_server", 2, "", "real_server"],
      ...CHECK_TIMES,
    ),
    ...approximated(CHECK_SPREAD),
    ...dropped(
      ["persistence_engine", 1, "clients are known by their addresses, not by SIP's Call-ID"],
      ["sorry_server_inhibit", 0, "a sorry server is taken out again when the quorum is gained"],
      ["ha_suspend", 0, "checks go on where the address is not; high availability comes later"],
      ["smtp_alert", 1, NOTE.mail],
      ["snmp_name", 1, NOTE.snmp],
    ),
  ],
  real_server: [
    ...exact(
      ["weight", 1, "weight"],
      ["lvs_method", 6, "method"],
      ["uthreshold", 1, "upper_threshold"],
      ["lthreshold", 1, "lower_threshold"],
      ["inhibit_on_failure", 1, "inhibit_on_failure"],
      ["virtualhost", 1, "host of its checks"],
      ["TCP_CHECK", 0, "check tcp", "TCP_CHECK"],
      ["SMTP_CHECK", 0, "check smtp", "SMTP_CHECK"],
      ["DNS_CHECK", 0, "check dns", "DNS_CHECK"],
      ["MISC_CHECK", 0, "check script", "MISC_CHECK"],
      ["UDP_CHECK", 0, "check udp", "UDP_CHECK"],
      ["PING_CHECK", 0, "check ping", "TCP_CHECK"],
      ...CHECK_TIMES,
    ),
    ...approximated(
      CHECK_SPREAD,
      ["alpha", 1, "of the whole service"],
      ["HTTP_GET", 0, "check http, by HTTP/1.1 where keepalived takes 1.0", "HTTP_GET"],
      ["SSL_GET", 0, "check https, by HTTP/1.1 where keepalived takes 1.0", "SSL_GET"],
    ),
    ...dropped(
      ["notify_up notify_down", 3, NOTE.notify],
      ["smtp_alert", 1, NOTE.mail],
      ["snmp_name", 1, NOTE.snmp],
      ["BFD_CHECK", 0, "there is no BFD", "BFD_CHECK"],
      ["FILE_CHECK", 0, "there is no check by a file; one by a script can read it", "FILE_CHECK"],
    ),
  ],
  TCP_CHECK: CHECKER,
  SMTP_CHECK: [...CHECKER, ...exact(["helo_name", 1, "hello"], ["host", 0, "", "smtp_host"])],
  smtp_host: [
    ...exact(["connect_ip", 1, "address"], ["connect_port", 1, "port"], ["bindto", 1, "bind"], ["connect_timeout", 1, "timeout"]),
    ...dropped(["bind_if bind_port fwmark", 1, "checks leave by the route, from any port, without a mark"]),
  ],
  DNS_CHECK: [...CHECKER, ...exact(["type", 1, "type"], ["name", 1, "name"])],
  MISC_CHECK: [
    ...exact(
      ["misc_path", 1, "command"],
      ["misc_timeout", 1, "timeout"],
      ["misc_dynamic", 1, "weight_from_exit_code"],
      ["delay_loop", 1, "interval"],
      ["retry", 1, "fall: one more than the retries"],
      ["delay_before_retry", 1, "fast_interval"],
    ),
    ...approximated(
      ["user", 2, NOTE.script],
      CHECK_SPREAD,
      ["alpha", 1, "of the whole service"],
      ["log_all_failures", 1, "every verdict is in the journal"],
    ),
  ],
  UDP_CHECK: [
    ...CHECKER,
    ...exact(["payload", ANY, "payload_hex"], ["require_reply", ANY, "require_reply"]),
    ...dropped(["min_reply_length max_reply_length", 1, "an answer may have any length"]),
  ],
  HTTP_GET: [
    ...CHECKER,
    ...exact(["url", 0, "", "url"], ["virtualhost", 1, "host"]),
    ...approximated(["http_protocol", 1, "HTTP/1.1"], ["fast_recovery", 1, "each url is a check of its own, and one pass is enough"]),
  ],
  SSL_GET: [
    ...CHECKER,
    ...exact(["url", 0, "", "url"], ["virtualhost", 1, "host"], ["enable_sni", 1, "server_name"]),
    ...approximated(["http_protocol", 1, "HTTP/1.1"], ["fast_recovery", 1, "each url is a check of its own, and one pass is enough"]),
  ],
  url: [
    ...exact(["path", 1, "path"], ["digest", 1, "digest: md5"], ["status_code", ANY, "status"], ["virtualhost", 1, "host"]),
    ...approximated(["regex", 1, "matches; a pattern of JavaScript's, in linear time"]),
    ...dropped(
      ["regex_no_match", 0, "a check cannot ask that a text is missing; its regex is left out"],
      ["regex_options", ANY, "write them into the pattern"],
      ["regex_stack", 2, "a pattern needs no stack"],
      ["regex_min_offset regex_max_offset", 1, "the whole answer is searched"],
    ),
  ],
  BFD_CHECK: dropped(["name", 1]),
  FILE_CHECK: dropped(["track_file", 1], ["dynamic", 0], ["weight", 2]),
  SSL: [
    ...approximated(["ca", 1, "ca of each check by SSL_GET"], ["certificate", 1, "certificate of each"], ["key", 1, "key of each"]),
    ...dropped(["password", 1, "a key has to be without one"]),
  ],
  vrrp_instance: [
    ...approximated(
      ["interface", 1, "interface"],
      ["virtual_router_id", 1, "vrid"],
      ["priority", 1, "priority"],
      ["advert_int", 1, "advert_interval"],
      ["version", 1, "version"],
      ["nopreempt", 0, "preempt: false"],
      ["preempt", 0, "preempt"],
      ["preempt_delay", 1, "preempt_delay"],
      ["state", 1, "the greatest priority is master"],
      ["authentication", 0, "authentication", "authentication"],
      ["virtual_ipaddress", 0, "addresses", "list"],
      ["virtual_ipaddress_excluded", 0, "addresses, which are advertised too", "list"],
      ["unicast_peer", 0, "peers", "list"],
      ["track_interface", 0, "track", "list"],
    ),
    ...dropped(
      [TRACKS, 0, NOTE.ha, "list"],
      ["virtual_routes virtual_rules", 0, NOTE.routes, "list"],
      [SCRIPTS_OF_INSTANCES, 3, NOTE.ha],
      ["notify_master_rx_lower_pri", 3, NOTE.ha],
      ["use_vmac", 2, NOTE.ha],
      ["use_ipvlan", 3, NOTE.ha],
      ["vrf mcast_src_ip unicast_src_ip mcast_dst_ip unicast_ttl old_unicast_checksum garp_master_delay garp_master_repeat", 1, NOTE.ha],
      ["garp_lower_prio_delay garp_lower_prio_repeat garp_master_refresh garp_master_refresh_repeat down_timer_adverts", 1, NOTE.ha],
      ["lower_prio_no_advert higher_prio_send_advert notify_priority_changes skip_check_adv_addr strict_mode", 1, NOTE.ha],
      ["kernel_rx_buf_size debug", 1, NOTE.ha],
      ["garp_extra_if", 2, NOTE.ha],
      ["use_vmac_addr vmac_xmit_base native_ipv6 dont_track_primary track_src_ip check_unicast_src unicast_fault_no_peer", 0, NOTE.ha],
      ["promote_secondaries accept no_accept linkbeat_use_polling", 0, NOTE.ha],
      ["smtp_alert", 1, NOTE.mail],
    ),
  ],
  authentication: approximated(["auth_type", 1, "type"], ["auth_pass", 1, "password"]),
  vrrp_script: dropped(["script interval timeout rise fall", 1], ["weight user", 2], ["init_fail", 0]),
  vrrp_track_process: dropped(
    ["process", ANY],
    ["param_match quorum quorum_max fork_delay terminate_delay delay", 1],
    ["weight", 2],
    ["full_command", 0],
  ),
  track_file: dropped(["file", 1], ["weight init_file", 2]),
  vrrp_sync_group: dropped(
    ["group", 0, "", "list"],
    ["track_interface", 0, "", "list"],
    [TRACKS, 0, "", "list"],
    [SCRIPTS_OF_INSTANCES, 3],
    ["smtp_alert notify_priority_changes", 1],
    ["global_tracking sync_group_tracking_weight", 0],
  ),
  bfd_instance: dropped(
    ["neighbor_ip neighbour_ip source_ip min_rx min_tx idle_tx multiplier ttl hoplimit max_hops", 1],
    ["weight", 2],
    ["passive vrrp checker", 0],
  ),
  garp_group: dropped(["garp_interval gna_interval interface", 1], ["interfaces", 0, "", "list"]),
} as const satisfies Readonly<Record<string, readonly (readonly [string, unknown])[]>>;

export type GrammarName =
  | "file"
  | "list"
  | "group"
  | "global_defs"
  | "virtual_server_group"
  | "virtual_server"
  | "real_server"
  | "TCP_CHECK"
  | "SMTP_CHECK"
  | "smtp_host"
  | "DNS_CHECK"
  | "MISC_CHECK"
  | "UDP_CHECK"
  | "HTTP_GET"
  | "SSL_GET"
  | "url"
  | "BFD_CHECK"
  | "FILE_CHECK"
  | "SSL"
  | "vrrp_instance"
  | "authentication"
  | "vrrp_script"
  | "vrrp_track_process"
  | "track_file"
  | "vrrp_sync_group"
  | "bfd_instance"
  | "garp_group";

const READY = new Map<GrammarName, Grammar>();

export function grammarOf(name: GrammarName): Grammar {
  const ready = READY.get(name) ?? new Map(GRAMMARS[name]);
  READY.set(name, ready);
  return ready;
}
