/** IPv4 addresses as inet_aton(3) reads them: "10.1" is 10.0.0.1, "0x0a000001" and "167772161" too, and blanks end it. */

/** Four bytes, or undefined. */
export function inetAton(text: string): Uint8Array | undefined {
  const [address = ""] = /^[^\t\n\v\f\r ]*/.exec(text) ?? [];
  const parts = address.split(".");
  if (parts.length > 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    const number = numberOf(part);
    const isLast = i === parts.length - 1;
    if (number === undefined || number >= (isLast ? 256 ** (5 - parts.length) : 256)) return undefined;
    if (isLast) for (let j = 3, rest = number; j >= i; j--, rest = Math.floor(rest / 256)) bytes[j] = rest % 256;
    else bytes[i] = number;
  }
  return bytes;
}

/** Decimal, octal after a 0, hexadecimal after 0x. */
function numberOf(text: string): number | undefined {
  if (/^(0|[1-9]\d*)$/.test(text)) return Number(text);
  if (/^0[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  return /^0x[0-9a-f]+$/i.test(text) ? Number(text) : undefined;
}
