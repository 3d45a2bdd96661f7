/** One datagram to a server, and what comes back. */

import type { Course } from "./course.ts";
import type { Dial, Way } from "./dial.ts";
import { asError, Failure } from "./fault.ts";

const CLOSED_PORT = new Failure("nothing listens there: the port is closed (ICMP)");

/** Calls `read` with each datagram of the server until it gives a value; `silence` gives one when nothing of worth came for `silenceMs`. */
export async function ask<T>(
  course: Course,
  way: Way,
  dial: Dial,
  exchange: {
    readonly question: Uint8Array;
    read(datagram: Buffer): T | undefined;
    readonly silenceMs?: number;
    readonly silence?: () => T;
  },
): Promise<T> {
  course.enter("connect");
  const socket = await dial.datagram(way, (opened) => course.own(opened));
  course.enter("request");
  return new Promise((done, fail) => {
    // ICMP errors come this way.
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.code === "ECONNREFUSED" ? CLOSED_PORT : error));
    socket.on("message", (datagram) => {
      try {
        const value = exchange.read(datagram);
        if (value !== undefined) done(value);
      } catch (error) {
        fail(asError(error));
      }
    });
    socket.send(exchange.question, (error) => {
      // An ICMP error of the datagram before it; the socket tells it too.
      if (error) socket.emit("error", error);
      else course.enter("response");
    });
    const { silence, silenceMs } = exchange;
    if (silence === undefined || silenceMs === undefined) return;
    const timer = setTimeout(() => done(silence()), silenceMs);
    course.own({ destroy: () => clearTimeout(timer) });
  });
}
