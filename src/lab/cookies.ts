/**
 * What is kept outside of a namespace under its cookie: BPF pins and the record of a real server. Both go with the lab.
 */

import { existsSync, readdirSync, rmdirSync } from "node:fs";
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
  for (const cookie of cookies) forget(cookie);
  if (findBpfFileSystem() === undefined) return;
  for (const cookie of cookies) pinDirectory(cookie).remove();
  const root = pinRoot();
  if (existsSync(root) && readdirSync(root).length === 0) rmdirSync(root);
}
