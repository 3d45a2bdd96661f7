/** Starts what we compare with, as its own documentation configures it; the files stand in bench/peers. */

import { readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runInside } from "../../src/lab/commands.ts";
import { labDirectory } from "../../src/lab/state.ts";
import { namespaceOf } from "../../src/lab/topology.ts";
import { EvenkeelError } from "../../src/model/error.ts";
import { startDaemon } from "./daemon.ts";
import { BULK_PORT, HTTP_PORT, SERVER_ADDRESS, UDP_PORT, urgent, VIP } from "./ports.ts";
import type { Peer } from "./rows.ts";

const DIRECTORY = fileURLToPath(new URL("../peers/", import.meta.url));
const NGINX_MODULES = "/usr/lib/nginx/modules";

const START: Record<Peer, (lab: string, namespace: string) => void> = {
  nftables: (lab, namespace) => {
    runInside(lab, namespace, ["nft", "-D", `VIP=${VIP}`, "-D", `SERVER=${SERVER_ADDRESS}`, "-f", join(DIRECTORY, "nftables.nft")]);
  },
  haproxy: (lab, namespace) => {
    const environment = {
      VIP,
      SERVER: SERVER_ADDRESS,
      HTTP_PORT: `${HTTP_PORT}`,
      BULK_PORT: `${BULK_PORT}`,
      THREADS: `${availableParallelism()}`,
    };
    const command = urgent(["haproxy", "-db", "-f", join(DIRECTORY, "haproxy.cfg")]);
    startDaemon(lab, namespace, { name: "haproxy", command, environment });
  },
  nginx: (lab, namespace) => {
    const file = join(labDirectory(lab), "nginx-stream.conf");
    writeFileSync(file, filledIn("nginx-stream.conf", lab));
    startDaemon(lab, namespace, { name: "nginx-stream", command: urgent(["nginx", "-p", labDirectory(lab), "-c", file]) });
  },
};

export function startPeer(peer: Peer, lab: string): void {
  START[peer](lab, namespaceOf(lab, "director"));
}

/** A configuration of bench/peers with the words between @ filled in. */
export function filledIn(file: string, lab: string): string {
  const words: Record<string, string> = {
    DIRECTORY: labDirectory(lab),
    MODULES: NGINX_MODULES,
    VIP,
    SERVER: SERVER_ADDRESS,
    HTTP_PORT: `${HTTP_PORT}`,
    BULK_PORT: `${BULK_PORT}`,
    UDP_PORT: `${UDP_PORT}`,
  };
  return readFileSync(join(DIRECTORY, file), "utf8").replaceAll(/@([A-Z_]+)@/g, (_, word: string) => {
    const value = words[word];
    if (value === undefined) throw new EvenkeelError("BAD_ARGUMENT", `${file} asks for @${word}@, which the bench does not know`);
    return value;
  });
}
