/** The kinds of health checks, by the name that a configuration gives them. */

import { agent } from "./agent.ts";
import type { PreparedCheck } from "./checker.ts";
import { dns } from "./dns.ts";
import { grpc } from "./grpc.ts";
import { http, https } from "./http.ts";
import { ping } from "./ping.ts";
import { script } from "./script.ts";
import { smtp } from "./smtp.ts";
import { tcp } from "./tcp.ts";
import { tls } from "./tls.ts";
import { udp } from "./udp.ts";

export const checkers = { tcp, http, https, tls, udp, dns, smtp, ping, grpc, script, agent };

export type CheckKind = keyof typeof checkers;

export const CHECK_KINDS = Object.keys(checkers) as readonly CheckKind[];

export function isCheckKind(name: string): name is CheckKind {
  return Object.hasOwn(checkers, name);
}

/** Throws CheckOptionsError. */
export function prepareCheck(kind: CheckKind, options: unknown): PreparedCheck {
  return checkers[kind].prepare(options);
}
