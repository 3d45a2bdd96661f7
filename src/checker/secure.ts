/** TLS on a connected stream: whose name is asked for, whether the certificate is verified, and how many days it is good for. */

import { readFileSync } from "node:fs";
import { isIP, type Socket } from "node:net";
import { checkServerIdentity, connect, createSecureContext, type SecureContext, type TLSSocket } from "node:tls";
import * as z from "zod";
import { quote } from "../config/complaint.ts";
import { toggle, wholeNumber } from "../config/fields.ts";
import type { Fields, Shape } from "../config/mapping.ts";
import { hostOf, type Target } from "./checker.ts";
import type { Course } from "./course.ts";
import { Failure } from "./fault.ts";

const DAY_MS = 86_400_000;

const file = z
  .string({ error: ({ input }) => `${quote(input)} is not the name of a file` })
  .min(1, { error: "the name of a file is empty" });

export const secureShape = {
  /** What is asked for (SNI) and what the certificate is to be for; without it the host name of the target. */
  server_name: z
    .string({ error: ({ input }) => `${quote(input)} is not a host name` })
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/, { error: ({ input }) => `${quote(input)} is not a host name` })
    .optional()
    .describe("What is asked for (SNI), and what the certificate has to be for."),
  /** Real servers seldom have a certificate for their own address, so this is asked for, not given. */
  verify: toggle.default(false).describe("The certificate has to be trusted and for the name; false when left out."),
  /** PEM files. Without `ca`: the authorities that Node knows. */
  ca: file.optional().describe("PEM file of the authorities to trust, instead of those that Node knows."),
  certificate: file.optional().describe("PEM file of this host's own certificate."),
  key: file.optional().describe("PEM file of its key."),
  /** Fail when the certificate is good for fewer days. */
  days_left: wholeNumber({ noun: "number of days", least: 0, greatest: 3650 })
    .optional()
    .describe("Fails when the certificate is good for fewer days."),
} satisfies Shape;

export interface SecureOptions {
  readonly serverName: string | undefined;
  readonly verify: boolean;
  readonly daysLeft: number | undefined;
  readonly context: SecureContext;
}

/** Reads the files: what is on disk now is used until the options are read again. */
export function readSecure(
  fields: Fields<typeof secureShape>,
  complain: (key: "ca" | "certificate" | "key", text: string, of?: "host") => void,
): SecureOptions {
  const { server_name: serverName, verify = false, days_left: daysLeft } = fields;
  const read = (key: "ca" | "certificate" | "key"): Buffer | undefined => {
    const path = fields[key];
    if (path === undefined) return undefined;
    try {
      return readFileSync(path);
    } catch (error) {
      complain(key, `${quote(path)} cannot be read: ${error instanceof Error ? error.message : String(error)}`, "host");
      return undefined;
    }
  };
  const [ca, certificate, key] = [read("ca"), read("certificate"), read("key")];
  if (fields.certificate !== undefined && fields.key === undefined) complain("certificate", "it needs its key too");
  if (fields.key !== undefined && fields.certificate === undefined) complain("key", "it needs its certificate too");
  return { serverName, verify, daysLeft, context: newContext() };

  function newContext(): SecureContext {
    try {
      // To know all authorities costs time and memory, and only who verifies needs them.
      const trusted = ca === undefined ? (verify ? {} : { ca: [] }) : { ca };
      const own = certificate === undefined || key === undefined ? {} : { cert: certificate, key };
      return createSecureContext({ ...trusted, ...own });
    } catch (error) {
      complain(certificate === undefined ? "ca" : "certificate", `not usable: ${error instanceof Error ? error.message : String(error)}`);
      return createSecureContext({ ca: [] });
    }
  }
}

const CUT_OFF = new Failure("the server closed the connection during the TLS handshake");

/** Throws Failure where the certificate does not hold. */
export async function secure(
  course: Course,
  stream: Socket,
  target: Target,
  options: SecureOptions,
  protocols: readonly string[] = [],
): Promise<TLSSocket> {
  course.enter("tls");
  const name = options.serverName ?? (typeof target.host === "string" ? target.host : undefined);
  let identity: Error | undefined;
  const socket = await new Promise<TLSSocket>((done, fail) => {
    const opened: TLSSocket = connect({
      socket: stream,
      secureContext: options.context,
      ...(name === undefined || isIP(name) !== 0 ? {} : { servername: name }),
      ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
      // Judged below, in our own words, after what is worth knowing was noted.
      rejectUnauthorized: false,
      checkServerIdentity: (_, certificate) => {
        identity = checkServerIdentity(name ?? hostOf(target), certificate);
        return identity;
      },
    });
    course.own(opened);
    // Node tells a polite end before the handshake's as a reset.
    opened.on("error", (error) => fail(/before secure TLS/.test(error.message) ? CUT_OFF : error));
    opened.once("secureConnect", () => done(opened));
    opened.once("close", () => fail(CUT_OFF));
  });
  judge(course, socket, options, identity);
  return socket;
}

function judge(course: Course, socket: TLSSocket, options: SecureOptions, identity: Error | undefined): void {
  course.note("tls", socket.getProtocol() ?? "unknown");
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) throw new Failure("the server showed no certificate");
  const daysLeft = Math.floor((certificate.validToDate.getTime() - Date.now()) / DAY_MS);
  course.note("daysLeft", daysLeft);
  if (options.verify && !socket.authorized) {
    // With an identity that does not match the code is that of the error below.
    const why = identity?.message ?? WORDS[String(socket.authorizationError)] ?? String(socket.authorizationError);
    throw new Failure(`the certificate is not to be trusted: ${why}`);
  }
  if (options.daysLeft !== undefined && daysLeft < options.daysLeft) {
    throw new Failure(
      daysLeft < 0 ? `the certificate ended ${-daysLeft} days ago` : `the certificate is good for ${daysLeft} more days only`,
    );
  }
}

const WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "it has expired",
  CERT_NOT_YET_VALID: "it is not valid yet",
  DEPTH_ZERO_SELF_SIGNED_CERT: "it is signed by itself",
  SELF_SIGNED_CERT_IN_CHAIN: "its chain ends in an authority that is not known",
  UNABLE_TO_GET_ISSUER_CERT: "its authority is not known",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "its authority is not known",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "its authority is not known",
  CERT_SIGNATURE_FAILURE: "its signature is wrong",
  CERT_REVOKED: "it was revoked",
};
