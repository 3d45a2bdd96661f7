/** Each network namespace has places of its own. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { need } from "../../test/need.ts";
import { createNamespace, deleteNamespace, inNamespace, inNewNamespace } from "../kernel/namespace.ts";
import { directorSocket, runtimePlaces, stateDirectory } from "./places.ts";

test("runtimePlaces() is another directory in each network namespace, and the commands look for the socket there", (t) => {
  if (!need(t, "root")) return;
  const here = runtimePlaces();
  const there = inNewNamespace(() => ({ ...runtimePlaces(), asked: directorSocket({}) }));
  assert.match(here.directory, /^\/run\/evenkeel\/net-\d+$/);
  assert.notEqual(there.directory, here.directory);
  assert.equal(there.asked, there.socket);
  assert.equal(there.socket, `${there.directory}/api.sock`);
});

test("directorSocket() is what EVENKEEL_SOCKET says, unless that is empty", () => {
  assert.equal(directorSocket({ EVENKEEL_SOCKET: "/somewhere/else.sock" }), "/somewhere/else.sock");
  assert.match(directorSocket({ EVENKEEL_SOCKET: "" }), /^\/run\/evenkeel\/net-\d+\/api\.sock$/);
});

test("a service manager's directories are taken: its state, and where people find the socket", (t) => {
  if (!need(t, "root")) return;
  const environment = { RUNTIME_DIRECTORY: "/run/evenkeel-blue", STATE_DIRECTORY: "/var/lib/evenkeel-blue:/var/lib/other" };
  assert.equal(runtimePlaces(false, environment).alias, "/run/evenkeel-blue/api.sock");
  assert.equal(stateDirectory(false, environment), "/var/lib/evenkeel-blue");
});

test("stateDirectory() goes by the namespace's name, which a reboot does not change", (t) => {
  if (!need(t, "root")) return;
  const name = `places-test-${process.pid}`;
  const path = createNamespace(name);
  t.after(() => deleteNamespace(name));
  assert.equal(inNamespace(path, stateDirectory), `/var/lib/evenkeel/net-${name}`);
});
