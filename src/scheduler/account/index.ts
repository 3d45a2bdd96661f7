/** Who gives the account of a scheduler's choice. */

import type { SchedulerName } from "../../model/service.ts";
import type { Accountant } from "./account.ts";
import { dhAccount, mhAccount, shAccount } from "./hash.ts";
import { loadAccount } from "./load.ts";
import { lblcAccount, lblcrAccount } from "./locality.ts";
import { twosAccount } from "./lots.ts";
import { rrAccount, wrrAccount } from "./walk.ts";

export const accountants: Readonly<Record<SchedulerName, Accountant>> = {
  rr: rrAccount,
  wrr: wrrAccount,
  lc: (situation) => loadAccount("lc", situation),
  wlc: (situation) => loadAccount("wlc", situation),
  sed: (situation) => loadAccount("sed", situation),
  nq: (situation) => loadAccount("nq", situation),
  sh: shAccount,
  dh: dhAccount,
  mh: mhAccount,
  lblc: lblcAccount,
  lblcr: lblcrAccount,
  fo: (situation) => loadAccount("fo", situation),
  ovf: (situation) => loadAccount("ovf", situation),
  twos: twosAccount,
};
