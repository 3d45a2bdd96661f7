import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { renderTable } from "./table.ts";

const COLUMNS = [{ title: "server" }, { title: "weight", align: "right" }, { title: "state" }] as const;

describe("renderTable()", () => {
  test("makes columns as wide as their widest cell, numbers to the right, nothing after the last cell", () => {
    const text = render([
      ["10.0.0.11:80", "1", "up"],
      ["[2001:db8::1]:80", "65535", ""],
    ]);
    assert.deepEqual(text, ["server            weight  state", "10.0.0.11:80           1  up", "[2001:db8::1]:80   65535"]);
  });
  test("counts a Chinese character as the two cells it takes", () => {
    assert.deepEqual(render([["服务器", "10", "up"]]), ["server  weight  state", "服务器      10  up"]);
  });
  test("does not count colours", () => {
    const [, colored] = render([["\u001b[32mabc\u001b[39m", "1", "up"]]);
    assert.equal(stripVTControlCharacters(colored ?? ""), "abc          1  up");
  });
  test("shows a missing cell as empty", () => {
    assert.deepEqual(render([["a"]]), ["server  weight  state", "a"]);
  });
  test("shows the titles of an empty table", () => {
    assert.deepEqual(render([]), ["server  weight  state"]);
  });
});

function render(rows: readonly (readonly string[])[]): string[] {
  const [titles = "", ...lines] = renderTable(COLUMNS, rows).split("\n");
  return [stripVTControlCharacters(titles), ...lines];
}
