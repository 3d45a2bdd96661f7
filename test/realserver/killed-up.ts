/** Begins an `up` and is killed in the middle: right before (odd) or right after (even) the change of that number. Not a test by itself. */

import { currentCookie } from "../../src/kernel/namespace.ts";
import { parseAddress } from "../../src/model/address.ts";
import { bringUp } from "../../src/realserver/converge.ts";
import { linuxMachine } from "../../src/realserver/linux-machine.ts";
import { type RealServerOptions, settle } from "../../src/realserver/options.ts";
import { recordOf } from "../../src/realserver/record.ts";
import { requirementsFor } from "../../src/realserver/requirements.ts";

const [method = "dr", killAt = "1"] = process.argv.slice(2);
const options: RealServerOptions = {
  method: method as RealServerOptions["method"],
  vips: ["192.0.2.10", "2001:db8::10"].map(parseAddress),
  gateways: ["10.9.0.254", "fd00:9::fe"].map(parseAddress),
  decapsulation: "bpf",
};

const machine = linuxMachine();
let writes = 0;
const dying = {
  ...machine,
  write: (...[setting, value]: Parameters<typeof machine.write>): void => {
    writes++;
    const last = writes === Number(killAt);
    if (last && writes % 2 === 1) process.kill(process.pid, "SIGKILL");
    machine.write(setting, value);
    if (last) process.kill(process.pid, "SIGKILL");
  },
};
const settled = settle(options, machine.host());
bringUp(dying, recordOf(currentCookie()), { options, requirements: requirementsFor(settled, dying) });
