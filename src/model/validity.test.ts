import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "./address.ts";
import { isUnicast } from "./validity.ts";

test("isUnicast() takes what IPVS takes for a server", () => {
  for (const text of [
    "10.0.0.1",
    "0.0.0.5",
    "0.255.0.1",
    "127.0.0.1",
    "240.0.0.1",
    "255.255.255.254",
    "fd00::1",
    "::1",
    "2001:db8::1",
    "fec0::1",
    "::192.0.2.1",
  ])
    assert.equal(isUnicast(parseAddress(text)), true, text);
  for (const text of ["0.0.0.0", "224.0.0.1", "239.255.255.255", "255.255.255.255", "::", "ff02::1", "fe80::1", "::ffff:192.0.2.1"])
    assert.equal(isUnicast(parseAddress(text)), false, text);
});
