/** Pins that live as long as this process: a bench that is killed leaves nothing in the BPF file system. */

import { libc } from "../src/kernel/libc.ts";
import type { PinDirectory, PinKind } from "../src/kernel/pins.ts";
import { checkCall } from "../src/kernel/system-call.ts";

export function memoryPins(): PinDirectory {
  const held = new Map<string, number>();
  const twin = (fd: number) => checkCall(libc.dup(fd), "duplicate a descriptor");
  const drop = (key: string) => {
    const fd = held.get(key);
    if (fd !== undefined) libc.close(fd);
    return held.delete(key);
  };
  const hold = (kind: PinKind, name: string, fd: number) => {
    const mine = twin(fd);
    drop(`${kind}/${name}`);
    held.set(`${kind}/${name}`, mine);
  };
  return {
    path: "(memory)",
    pin: hold,
    repin: hold,
    open: (kind, name) => {
      const fd = held.get(`${kind}/${name}`);
      return fd === undefined ? undefined : twin(fd);
    },
    unpin: (kind, name) => drop(`${kind}/${name}`),
    names: (kind: PinKind) =>
      [...held.keys()]
        .filter((key) => key.startsWith(`${kind}/`))
        .map((key) => key.slice(kind.length + 1))
        .sort(),
    exists: () => held.size > 0,
    remove: () => {
      for (const key of held.keys()) drop(key);
    },
    prune: () => {},
  };
}
