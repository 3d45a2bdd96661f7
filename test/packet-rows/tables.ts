/** Every table of packet rows, by the name under which the tests list it. A new table has a line here. */

import { CHECKSUM_ROWS } from "./checksums.ts";
import { DISGUISE_ROWS } from "./disguises.ts";
import { EXTENSION_ROWS } from "./extensions.ts";
import { FORWARDING_ROWS } from "./forwarding.ts";
import { FRAGMENT_ROWS } from "./fragments.ts";
import { FULL_NAT_ROWS } from "./full-nat.ts";
import { ICMP_ROWS } from "./icmp.ts";
import { LIFETIME_ROWS } from "./lifetimes.ts";
import { LIMIT_ROWS } from "./limits.ts";
import { LOCAL_ROWS } from "./local.ts";
import { PASSING_ROWS } from "./passing.ts";
import { PATH_MTU_ROWS } from "./path-mtu.ts";
import { PERSISTENCE_ROWS } from "./persistence.ts";
import type { Row } from "./row.ts";
import { SCTP_ROWS } from "./sctp.ts";
import { TUNNEL_ROWS } from "./tunnels.ts";

export const PACKET_TABLES: Readonly<Record<string, readonly Row[]>> = {
  forwarding: FORWARDING_ROWS,
  checksums: CHECKSUM_ROWS,
  limits: LIMIT_ROWS,
  passing: PASSING_ROWS,
  icmp: ICMP_ROWS,
  fragments: FRAGMENT_ROWS,
  extensions: EXTENSION_ROWS,
  "path MTU": PATH_MTU_ROWS,
  lifetimes: LIFETIME_ROWS,
  tunnels: TUNNEL_ROWS,
  sctp: SCTP_ROWS,
  local: LOCAL_ROWS,
  persistence: PERSISTENCE_ROWS,
  disguises: DISGUISE_ROWS,
  "full NAT": FULL_NAT_ROWS,
};
