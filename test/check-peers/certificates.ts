/** Certificates for tests, made on the spot: any name, any dates, signed by an authority of their own or by themselves (RFC 5280, in DER). */

import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import { packetBytes, parseAddress } from "../../src/model/address.ts";

export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

export interface Wish {
  /** Names and addresses it is for. */
  readonly names?: readonly string[];
  readonly from?: Date;
  readonly until?: Date;
  /** Left out: signed by itself. */
  readonly issuer?: Identity & { readonly name: string };
  readonly isAuthority?: boolean;
}

const DAY_MS = 86_400_000;

export function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}

export function makeCertificate(
  name: string,
  { names = [], from = inDays(-30), until = inDays(60), issuer, isAuthority = false }: Wish = {},
): Identity {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(objectId("1.2.840.10045.4.3.2"));
  const extensions = sequence(
    extension("2.5.29.19", isAuthority ? sequence(element(0x01, Buffer.of(0xff))) : sequence()),
    ...(names.length === 0 ? [] : [extension("2.5.29.17", sequence(...names.map(alternativeName)))]),
  );
  const body = sequence(
    element(0xa0, integer(Buffer.of(2))),
    integer(Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm,
    distinguishedName(issuer?.name ?? name),
    sequence(time(from), time(until)),
    distinguishedName(name),
    publicKey.export({ type: "spki", format: "der" }),
    element(0xa3, extensions),
  );
  const signer: KeyObject = issuer === undefined ? privateKey : createPrivateKey(issuer.key);
  const whole = sequence(body, algorithm, element(0x03, Buffer.concat([Buffer.of(0), sign("sha256", body, signer)])));
  const lines = whole.toString("base64").replace(/.{64}/g, "$&\n");
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: String(privateKey.export({ type: "pkcs8", format: "pem" })),
  };
}

/** An authority, and what it signs. */
export function makeAuthority(name = "Test authority") {
  const own = makeCertificate(name, { isAuthority: true });
  return {
    certificate: own.certificate,
    issue: (subject: string, wish: Omit<Wish, "issuer"> = {}): Identity => makeCertificate(subject, { ...wish, issuer: { ...own, name } }),
  };
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return element(0x30, Buffer.concat(parts));
}

function integer(bytes: Buffer): Buffer {
  return element(0x02, bytes);
}

function objectId(text: string): Buffer {
  const [first = 0, second = 0, ...rest] = text.split(".").map(Number);
  const base128 = (value: number): number[] => (value < 128 ? [value] : [...base128(value >> 7).map((byte) => byte | 128), value & 127]);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function distinguishedName(name: string): Buffer {
  return sequence(element(0x31, sequence(objectId("2.5.4.3"), element(0x0c, Buffer.from(name)))));
}

function time(date: Date): Buffer {
  return element(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`));
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), element(0x01, Buffer.of(0xff)), element(0x04, value));
}

function alternativeName(name: string): Buffer {
  return isIP(name) === 0 ? element(0x82, Buffer.from(name)) : element(0x87, Buffer.from(packetBytes(parseAddress(name))));
}
