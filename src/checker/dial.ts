/** How checks reach out: the one place where their sockets are made. Each socket is the caller's to close. */

import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { connect, type Socket } from "node:net";
import { type Address, type Family, formatAddress, parseAddress } from "../model/address.ts";
import { Failure } from "./fault.ts";

export interface Way {
  readonly to: Address;
  readonly port: number;
  /** Left out: what the routes say. */
  readonly from?: Address;
}

export interface Dial {
  /** An address of the name, of the family if one is given. */
  lookup(name: string, family?: Family): Promise<Address>;
  /** A connection on its way. */
  stream(way: Way): Socket;
  /** Resolves when the socket has its peer: what others send does not arrive, and ICMP errors do, as errors. */
  datagram(way: Way, own: (socket: { destroy(): void }) => void): Promise<DatagramSocket>;
}

/** By this host's own routes, as any client on it. */
export const directDial: Dial = {
  async lookup(name, family) {
    const { address } = await lookup(name, { family: family === undefined ? 0 : family === "ipv4" ? 4 : 6 });
    return parseAddress(address);
  },

  stream({ to, port, from }) {
    if (from !== undefined && from.family !== to.family) throw mixedFamilies();
    const local = from === undefined ? {} : { localAddress: formatAddress(from) };
    return connect({ host: formatAddress(to), port, family: to.family === "ipv4" ? 4 : 6, ...local });
  },

  datagram({ to, port, from }, own) {
    if (from !== undefined && from.family !== to.family) throw mixedFamilies();
    const socket = createSocket(to.family === "ipv4" ? "udp4" : "udp6");
    let closed = false;
    own({
      destroy() {
        if (closed) return;
        closed = true;
        // What still arrives for a closed socket is nobody's business.
        socket.removeAllListeners("error").on("error", () => undefined);
        socket.close();
      },
    });
    return new Promise((done, fail) => {
      socket.once("error", fail);
      const toPeer = (): void =>
        socket.connect(port, formatAddress(to), (error?: Error) => {
          socket.removeListener("error", fail);
          if (error) fail(error);
          else done(socket);
        });
      if (from === undefined) toPeer();
      else socket.bind({ address: formatAddress(from), port: 0, exclusive: true }, toPeer);
    });
  },
};

function mixedFamilies(): Failure {
  return new Failure("the address to come from is of another family than the address to go to");
}
