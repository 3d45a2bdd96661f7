/**
 * Network namespaces for tests that run our own code in them, and not a command: this process goes there. inNamespace() would not do, because
 * what is asynchronous cannot come back between two steps. They have no names, so that nothing is left of them but the pins of a packet
 * path, which leave() takes away.
 */

import assert from "node:assert/strict";
import { openSync } from "node:fs";
import { teardown } from "../../src/director/apply.ts";
import { libc } from "../../src/kernel/libc.ts";
import { addLink, changeLink } from "../../src/kernel/links.ts";

const CLONE_NEWNET = 0x40000000;
/** Of this thread: what libuv's threads do is no business of a namespace's here. */
const HERE = "/proc/thread-self/ns/net";

export class OwnNamespace {
  readonly #home: number;
  readonly #fd: number;

  private constructor(home: number) {
    this.#home = home;
    assert.equal(libc.unshare(CLONE_NEWNET), 0, "make a network namespace: run as root");
    this.#fd = openSync(HERE, "r");
    changeLink("lo", { up: true });
  }

  /** With lo alone, and this process in it. */
  static make(): OwnNamespace {
    return new OwnNamespace(openSync(HERE, "r"));
  }

  enter(): void {
    assert.equal(libc.setns(this.#fd, CLONE_NEWNET), 0);
  }

  /** Takes the packet path away and goes home; the namespace ends with its last descriptor. */
  async leave(): Promise<void> {
    this.enter();
    try {
      await teardown();
    } finally {
      assert.equal(libc.setns(this.#home, CLONE_NEWNET), 0);
      for (const fd of [this.#fd, this.#home]) libc.close(fd);
    }
  }
}

/** A device with a cable to nowhere, in the namespace where we are. */
export function addDevice(name: string): void {
  addLink({ kind: "veth", name, peer: { name: `${name}-end` } });
  for (const end of [name, `${name}-end`]) changeLink(end, { up: true });
}
