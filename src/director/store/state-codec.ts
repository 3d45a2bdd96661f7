/** Values as text and back: JSON, with addresses as { "$address": "10.0.0.1" }. What is written and read again is the same value. */

import { type Address, formatAddress, parseAddress } from "../../model/address.ts";

export function encodeState(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => (isAddress(part) ? { $address: formatAddress(part) } : part));
}

/** Only of texts that encodeState() wrote: nothing but addresses is looked at. */
export function decodeState(text: string): unknown {
  return JSON.parse(text, (_key, part: unknown) => (isAddressText(part) ? parseAddress(part.$address) : part));
}

function isAddress(value: unknown): value is Address {
  return typeof value === "object" && value !== null && "family" in value && "bytes" in value && value.bytes instanceof Uint8Array;
}

function isAddressText(value: unknown): value is { readonly $address: string } {
  return typeof value === "object" && value !== null && "$address" in value && typeof value.$address === "string";
}
