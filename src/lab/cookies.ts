/**
 * What is kept outside of a namespace under its cookie: BPF pins, the record of a real server, what a director has at run
 * time. All of it goes with the lab.
 */

import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { runtimeDirectory } from "../director/places.ts";
import { currentCookie, inNamespace, listNamespaces } from "../kernel/namespace.ts";
import { findBpfFileSystem, pinDirectory, pinRoot } from "../kernel/pins.ts";
import { forget } from "../realserver/realserver.ts";
import { namespaceFile } from "./commands.ts";

export function cookiesOf(namespaces: readonly string[]): bigint[] {
  // One that was only half made is a file without a namespace behind it.
  const whole = new Set(listNamespaces());
  return namespaces.filter((namespace) => whole.has(namespace)).map((namespace) => inNamespace(namespaceFile(namespace), currentCookie));
}

/** Removes all of it, and the directories above when they are empty. */
export function forgetNamespaces(cookies: readonly bigint[]): void {
  for (const cookie of cookies) {
    forget(cookie);
    rmSync(runtimeDirectory(cookie), { recursive: true, force: true });
  }
  if (findBpfFileSystem() === undefined) return;
  for (const cookie of cookies) pinDirectory(cookie).remove();
  const root = pinRoot();
  if (existsSync(root) && readdirSync(root).length === 0) rmdirSync(root);
}
