import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { EvenkeelError } from "../model/error.ts";
import { DNS_TYPES, decodeDnsResponse, dnsNameMistake, encodeDnsQuestion, sameDnsName } from "./dns.ts";

/** A question for example.org, then the answer's records as given. */
function response(records: string, count: number, flags = "8180"): Uint8Array {
  return hex(`0007 ${flags} 0001 ${count.toString(16).padStart(4, "0")} 0000 0000 07 6578616d706c65 03 6f7267 00 0001 0001 ${records}`);
}

const EXAMPLE = "c00c";
const RECORDS: readonly [type: keyof typeof DNS_TYPES | number, data: string, shown: string][] = [
  ["A", "c0000201", "192.0.2.1"],
  ["AAAA", "20010db8000000000000000000000001", "2001:db8::1"],
  ["CNAME", "03 777777 c00c", "www.example.org"],
  ["NS", "c00c", "example.org"],
  ["PTR", "00", "."],
  ["MX", "000a 04 6d61696c c00c", "10 mail.example.org"],
  ["SRV", "0001 0002 01bb c00c", "1 2 443 example.org"],
  ["TXT", "02 6869 03 207961", "hi ya"],
  ["SOA", "026e73c00c 01 61 c00c 00000001 00000002 00000003 00000004 00000005", "ns.example.org a.example.org 1 2 3 4 5"],
  [999, "c00c", "c00c"],
];

describe("decodeDnsResponse()", () => {
  for (const [type, data, shown] of RECORDS)
    test(`reads a record of type ${type}`, () => {
      const number = typeof type === "number" ? type : DNS_TYPES[type];
      const bytes = data.replaceAll(" ", "").length / 2;
      const word = (value: number) => value.toString(16).padStart(4, "0");
      const read = decodeDnsResponse(response(`${EXAMPLE} ${word(number)} 0001 0000003c ${word(bytes)} ${data}`, 1));
      assert.deepEqual(read.answers, [{ name: "example.org", type: number, data: shown }]);
      assert.deepEqual([read.id, read.rcode, read.truncated, read.question], [7, "NOERROR", false, { name: "example.org", type: 1 }]);
    });
  const broken: [name: string, bytes: Uint8Array, why: RegExp][] = [
    ["half a header", hex("000781"), /3 bytes of 12/],
    ["a question", response("", 0, "0100"), /it is a question/],
    ["fewer records than it promises", response("", 1), /bytes of/],
    ["an address of three bytes", response(`${EXAMPLE} 0001 0001 00000000 0003 c00002`, 1), /3 bytes/],
    ["a name that points at itself", response("c01d 0001 0001 00000000 0004 c0000201", 1), /points forward/],
    ["a name that is longer than its record", response(`${EXAMPLE} 0002 0001 00000000 0001 03777777 00`, 1), /longer than its record/],
    ["a text that is longer than its record", response(`${EXAMPLE} 0010 0001 00000000 0002 0561`, 1), /longer than its record/],
  ];
  for (const [name, bytes, why] of broken) test(`refuses ${name}`, () => assert.throws(() => decodeDnsResponse(bytes), why));
  test("reads any bytes, or throws BAD_PACKET", () => {
    const sound = RECORDS.map(([type, data]) => {
      const word = (value: number) => value.toString(16).padStart(4, "0");
      return response(
        `${EXAMPLE} ${word(typeof type === "number" ? type : DNS_TYPES[type])} 0001 0000003c ${word(data.replaceAll(" ", "").length / 2)} ${data}`,
        1,
      );
    });
    const mutated = fc
      .tuple(fc.constantFrom(...sound), fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }))
      .map(([whole, changes]) => {
        const bytes = whole.slice();
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (bytes) => {
        try {
          decodeDnsResponse(bytes);
        } catch (error) {
          assert.ok(error instanceof EvenkeelError && error.code === "BAD_PACKET", String(error));
        }
      }),
      { numRuns: 5000 },
    );
  });
});

describe("encodeDnsQuestion()", () => {
  test("writes what servers read", () => {
    const bytes = encodeDnsQuestion({ id: 7, name: "example.org.", type: "A" });
    assert.equal(Buffer.from(bytes).toString("hex"), "000701000001000000000000076578616d706c65036f72670000010001");
    assert.equal(encodeDnsQuestion({ id: 7, name: ".", type: "NS" }).length, 17);
  });
  test("is asked only for names that there can be", () => {
    for (const name of ["a..b", `${"a".repeat(64)}.org`, "ü.org", "a b", `${"abc.".repeat(64)}org`]) {
      assert.notEqual(dnsNameMistake(name), undefined);
      assert.throws(() => encodeDnsQuestion({ id: 1, name, type: "A" }), RangeError);
    }
    assert.equal(sameDnsName("WWW.example.org.", "www.example.ORG"), true);
  });
});

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(" ", "").match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
