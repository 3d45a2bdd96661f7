/** VRRP instances in evenkeel.yaml. They are read and checked; what runs them is to come. */

import * as z from "zod";
import { quote } from "./complaint.ts";
import { duration, interfaceName, serverAddress, serviceLabel, toggle, virtualNetwork, wholeNumber, word } from "./fields.ts";
import type { Shape } from "./mapping.ts";

export const VRRP_VERSIONS = [2, 3] as const;
/** RFC 9568 5.2.7: twelve bits of hundredths of a second. */
export const ADVERT_INTERVAL_MAX_MS = 40_950;
/** RFC 2338 5.3.10: eight bytes. */
const PASSWORD_BYTES_MAX = 8;

const version = z.literal(VRRP_VERSIONS, { error: ({ input }) => `${quote(input)} is not a version of VRRP; allowed: 2, 3` });

/** Keys of an instance whose values are read by themselves. */
export const INSTANCE_PARTS = ["authentication", "addresses", "peers", "track"] as const;

/** Beside these those of INSTANCE_PARTS. */
export const instanceShape = {
  name: serviceLabel.describe("What people call it."),
  interface: interfaceName.describe("Where advertisements are sent and heard, and addresses stand."),
  vrid: wholeNumber({ noun: "vrid", least: 1, greatest: 255 }).describe("The same on all members, and of no other group on the link."),
  priority: wholeNumber({ noun: "priority", least: 1, greatest: 255 })
    .default(100)
    .describe("The greatest one is master; 255 is the owner of the addresses. 100 when left out."),
  version: version.default(3).describe("Of VRRP: 3 (left out) or 2."),
  advert_interval: duration({ noun: "advert_interval", leastMs: 10, greatestMs: 255_000 })
    .prefault("1s")
    .describe("From one advertisement to the next: 0.01 to 40.95 seconds with version 3, whole seconds with version 2. 1s when left out."),
  preempt: toggle.default(true).describe("A greater priority takes over from a lesser one that is master."),
  preempt_delay: duration({ noun: "preempt_delay", leastMs: 0, greatestMs: 3_600_000 })
    .prefault("0s")
    .describe("How long it waits before that."),
} satisfies Shape;

export const authenticationShape = {
  type: word("type of authentication", ["pass", "ah"]).describe("pass: a password in clear text; ah: a digest of each packet."),
  password: z
    .string({ error: "the password is not text; write it in quotes" })
    .refine((text) => text.length > 0 && new TextEncoder().encode(text).length <= PASSWORD_BYTES_MAX, {
      error: ({ input }) =>
        input === ""
          ? "a password has 1 to 8 bytes"
          : `the password has ${new TextEncoder().encode(String(input)).length} bytes; VRRP carries ${PASSWORD_BYTES_MAX}, and the rest would not count`,
    })
    .describe("At most 8 bytes."),
} satisfies Shape;

/** What is listed, item by item. */
export const instanceAddress = virtualNetwork.describe("An address that the master holds, such as 192.0.2.10/24.");
export const instancePeer = serverAddress.describe("A member that is told by unicast instead of multicast.");

export const trackShape = {
  interface: interfaceName.optional().describe("While it is down, the priority is lowered."),
  service: serviceLabel.optional().describe("While the quorum of this service (by its name) is lost, the priority is lowered."),
  weight: wholeNumber({ noun: "weight", least: -254, greatest: -1 })
    .optional()
    .describe("How much the priority changes; left out: it gives up altogether."),
} satisfies Shape;
