/**
 * The far ends of the director's cables when it runs native XDP: a veth takes frames that XDP sends only while its own end runs a
 * program too, so these ends get one that passes everything. Its links are pinned, and go with the namespace's other pins.
 */

import { bpfObjectPath } from "../kernel/bpf-objects.ts";
import { libc } from "../kernel/libc.ts";
import { getLink } from "../kernel/links.ts";
import { inNamespace } from "../kernel/namespace.ts";
import { loadObject } from "../kernel/object.ts";
import { pinDirectory } from "../kernel/pins.ts";
import { attachXdp } from "../kernel/xdp.ts";
import { namespaceFile } from "./commands.ts";
import { namespaceOf } from "./topology.ts";

export function receiveFromXdp(lab: string, peers: readonly { readonly node: string; readonly port: string }[]): void {
  const pass = loadObject(bpfObjectPath("pass"));
  try {
    const { fd } = pass.program("pass");
    for (const { node, port } of peers) inNamespace(namespaceFile(namespaceOf(lab, node)), () => attachPinned(fd, port));
  } finally {
    pass.close();
  }
}

function attachPinned(programFd: number, port: string): void {
  const { index } = getLink(port);
  const link = attachXdp(programFd, { ifindex: index, ifname: port }, "native");
  try {
    pinDirectory().pin("links", `pass-${index}`, link);
  } finally {
    libc.close(link);
  }
}
