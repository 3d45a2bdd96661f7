/** Options that every check over the network has: another address or port than the server's own, and where it comes from. */

import * as z from "zod";
import { quote } from "../config/complaint.ts";
import { wholeNumber } from "../config/fields.ts";
import type { Fields, Shape } from "../config/mapping.ts";
import { type Address, parseAddress } from "../model/address.ts";
import { EvenkeelError } from "../model/error.ts";

export const wayShape = {
  address: anyAddress().optional().describe("Where to look instead of the server's own address."),
  port: wholeNumber({ noun: "port", least: 1, greatest: 65535 }).optional().describe("The port to look at instead of the server's own."),
  bind: anyAddress().optional().describe("The address of this host that the check comes from."),
} satisfies Shape;

export type WayOptions = {
  readonly address?: Address | undefined;
  readonly port?: number | undefined;
  readonly bind?: Address | undefined;
};

export function readWay({ address, port, bind }: Fields<typeof wayShape>, complain: (key: "bind", text: string) => void): WayOptions {
  if (address !== undefined && bind !== undefined && address.family !== bind.family)
    complain("bind", `an ${bind.family === "ipv4" ? "IPv4" : "IPv6"} address cannot be bound to reach an address of the other family`);
  return { address, port, bind };
}

/** Checks may go to any address, loopback and link too. */
function anyAddress() {
  return z.string({ error: ({ input }) => `${quote(input)} is not an IPv4 or IPv6 address` }).transform((text, context): Address => {
    try {
      return parseAddress(text);
    } catch (error) {
      if (!(error instanceof EvenkeelError)) throw error;
      context.issues.push({ code: "custom", message: `${quote(text)} is not an IPv4 or IPv6 address`, input: text });
      return z.NEVER;
    }
  });
}
