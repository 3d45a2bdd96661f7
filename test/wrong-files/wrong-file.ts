/** A file that somebody wrote wrongly, with the words that it is answered with; and the lists of keys in those words. */

export interface WrongFile {
  readonly mistake: string;
  /** Without the indentation of this file. */
  readonly file: string;
  readonly says: readonly string[];
}

export const SERVICE_KEYS =
  "name, address, port, protocol, mark, family, scheduler, scheduler_flags, one_packet, sloppy, full_nat, hairpin, alpha, omega, weight, method, " +
  "inhibit_on_failure, cut_templates, drain_deadline, persistent, timeouts, quorum, sorry_server, checks, servers";

export const INSTANCE_KEYS =
  "name, interface, vrid, priority, version, advert_interval, preempt, preempt_delay, authentication, addresses, peers, track";

export const KINDS = "tcp, http, https, tls, udp, dns, smtp, ping, grpc, script, agent";
export const CHECK_KEYS = `interval, timeout, fast_interval, jitter, rise, fall, clients_way, ${KINDS}`;

export const DURATION = "is not a duration; write 200ms, 5s, 2m, 1h or 1d, or a number of seconds";
