import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EvenkeelError } from "../model/error.ts";
import { checkLabName, labOptions, type Topology, topologyOf } from "./topology.ts";

describe("topologyOf()", () => {
  const topology = topologyOf({ name: "lab", servers: 50 });

  test("gives every cable two ends that exist, and no end two cables", () => {
    const ends = topology.cables.flatMap(({ from, to }) => [from, to]);
    for (const { node } of ends) assert.ok(topology.nodes.some(({ name }) => name === node));
    assert.equal(new Set(ends.map(({ node, port }) => `${node} ${port}`)).size, ends.length);
  });

  test("gives every address to one port only", () => assert.deepEqual(twice(addresses(topology)), []));

  test("gives every port with addresses a cable", () => {
    const cabled = new Set(topology.cables.flatMap(({ from, to }) => [`${from.node} ${from.port}`, `${to.node} ${to.port}`]));
    for (const { name, ports } of topology.nodes)
      for (const port of ports) assert.ok(cabled.has(`${name} ${port.name}`), `${name} ${port.name}`);
  });
});

describe("labOptions()", () => {
  test("gives every server weight 1 when nothing is said", () => assert.deepEqual(labOptions({ servers: 2 }).weights, [1, 1]));

  test("refuses as many weights as there are no servers for", () =>
    refuses(() => labOptions({ servers: 3, weights: [1, 2] }), /2 weights .* 3 real servers/));

  test("refuses more servers than addresses", () => refuses(() => labOptions({ servers: 51 }), /1 to 50 real servers, not 51/));

  test("refuses names that another lab's namespaces could begin with", () => {
    for (const name of ["a-b", "", "A", "1a", "a".repeat(17), "../a"]) refuses(() => checkLabName(name), /cannot be the name of a lab/);
  });
});

function addresses(topology: Topology): string[] {
  return topology.nodes.flatMap(({ ports }) => ports.flatMap((port) => port.addresses));
}

function twice(texts: readonly string[]): string[] {
  return texts.filter((text, i) => texts.indexOf(text) !== i);
}

function refuses(work: () => unknown, message: RegExp): void {
  assert.throws(work, (error) => error instanceof EvenkeelError && error.code === "BAD_ARGUMENT" && message.test(error.message));
}
