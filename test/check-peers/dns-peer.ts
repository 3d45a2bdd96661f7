/** A DNS server that knows one name: example.org is 192.0.2.1. */

/** The answer to a question; `mangle` may change it. */
export function dnsReply(question: Buffer): Buffer {
  const wanted = question.subarray(12);
  const name = readName(wanted);
  const type = wanted.readUInt16BE(wanted.indexOf(0) + 1);
  const header = Buffer.from(question.subarray(0, 12));
  const known = name === "example.org" || name === "";
  header.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
  if (name !== "example.org" || type !== 1) return Buffer.concat([header, wanted]);
  header.writeUInt16BE(1, 6);
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1]);
  return Buffer.concat([header, wanted, record]);
}

function readName(question: Buffer): string {
  const labels: string[] = [];
  for (let at = 0; question[at] !== 0 && at < question.length; at += 1 + (question[at] ?? 0))
    labels.push(question.toString("latin1", at + 1, at + 1 + (question[at] ?? 0)));
  return labels.join(".");
}
