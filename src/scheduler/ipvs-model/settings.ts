/** What the administrator sets for all services: the sysctls under net.ipv4.vs that sway choices, and the timeouts. */

import { DEFAULT_SETTINGS } from "../../model/plane.ts";
import { SCTP_TIMEOUT_SECONDS, type SctpState } from "../../model/sctp-states.ts";
import { TCP_TIMEOUT_SECONDS, type TcpState } from "../../model/tcp-states.ts";

export interface Sysctls {
  /** Connections to a server that was deleted: 1 = scheduled anew, 0 = their packets are dropped. */
  expire_nodest_conn: number;
  /** 1 = a template of a quiesced server no longer counts. */
  expire_quiescent_template: number;
  /** Bit 0: a SYN on a finished connection is scheduled anew; bit 1: also in FIN_WAIT of a flow seen one way. */
  conn_reuse_mode: number;
  /** 1 = any segment but a RST begins a connection. */
  sloppy_tcp: number;
  sloppy_sctp: number;
  lblc_expiration: number;
  lblcr_expiration: number;
  /** The first port that needs no privilege; net.ipv4.ip_unprivileged_port_start. */
  unprivileged_port_start: number;
}

export function defaultSysctls(): Sysctls {
  return {
    expire_nodest_conn: 0,
    expire_quiescent_template: 0,
    conn_reuse_mode: 1,
    sloppy_tcp: 0,
    sloppy_sctp: 0,
    lblc_expiration: 86400,
    lblcr_expiration: 86400,
    unprivileged_port_start: 1024,
  };
}

export interface Timeouts {
  readonly tcp: Record<TcpState, number>;
  readonly sctp: Record<SctpState, number>;
  udp: number;
}

export function defaultTimeouts(): Timeouts {
  return { tcp: { ...TCP_TIMEOUT_SECONDS }, sctp: { ...SCTP_TIMEOUT_SECONDS }, udp: DEFAULT_SETTINGS.timeouts.udp };
}

/** `ipvsadm --set tcp tcpfin udp`: 0 leaves a value as it is; running timers are not touched. */
export function setTimeouts(timeouts: Timeouts, { tcp, tcpFin, udp }: { tcp: number; tcpFin: number; udp: number }): void {
  if (tcp > 0) timeouts.tcp.ESTABLISHED = tcp;
  if (tcpFin > 0) timeouts.tcp.FIN_WAIT = tcpFin;
  if (udp > 0) timeouts.udp = udp;
}
