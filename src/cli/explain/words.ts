/** How explanations name servers, times and chances. */

import type { Standing } from "../../director/explanation.ts";
import { formatEndpoint } from "../../model/address.ts";
import { describeTunnel, serverName, thresholdsOf } from "../../model/service.ts";
import type { PassedOver } from "../../scheduler/account/account.ts";

/** "10.0.0.11:80 (nat)": where packets arrive; port 0: its own. */
export function reached({ server, load }: Standing, port: number): string {
  const words = [server.method, ...(server.tunnel === undefined ? [] : [describeTunnel(server.tunnel)]), ...(load.local ? ["local"] : [])];
  return `${port === 0 ? serverName(server) : formatEndpoint(server.address, port)} (${words.join(", ")})`;
}

/** "58 s", "4 min 58 s", "23 h 4 min". */
export function duration(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
}

/** Why it gets no newcomers: "weight 0". */
export function hindrance({ server, load }: Standing, why: PassedOver): string {
  switch (why) {
    case "quiesced":
      return "weight 0";
    case "overloaded": {
      const { upper, lower } = thresholdsOf(server);
      return `overloaded: ${load.active + load.inactive} connections of ${upper}, taken again below ${lower}`;
    }
    case "full":
      return "more active connections than its weight";
  }
}

/** "33.3 %"; what is possible is never shown as impossible. */
export function percent(chance: number): string {
  if (chance > 0 && chance < 0.0005) return "< 0.1 %";
  return `${(chance * 100).toFixed(1)} %`;
}

/** At most two digits behind the point, and none that say nothing. */
export function decimal(number: number): string {
  return `${Math.round(number * 100) / 100}`;
}

/** "1st", "2nd", "3rd", "11th". */
export function ordinal(number: number): string {
  const last = number % 10;
  const teen = Math.floor(number / 10) % 10 === 1;
  return `${number}${teen ? "th" : last === 1 ? "st" : last === 2 ? "nd" : last === 3 ? "rd" : "th"}`;
}

export function plural(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
