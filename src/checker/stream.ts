/** What checks do with a stream: wait for its connection, and feed what arrives to a reader until that knows enough. */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Course } from "./course.ts";
import type { Dial, Way } from "./dial.ts";
import { asError, Failure } from "./fault.ts";

/** No check reads more of an answer than this. */
export const READ_BYTES_MAX = 65_536;

const CLOSED = new Failure("the server closed the connection too early");

/** A connected stream, which the course owns. */
export function openStream(course: Course, way: Way, dial: Dial): Promise<Socket> {
  course.enter("connect");
  return new Promise((done, fail) => {
    const socket = course.own(dial.stream(way));
    // One listener for the whole life: an error that comes when nobody waits must not be an uncaught one.
    socket.on("error", fail);
    socket.once("connect", () => done(socket));
    // Only its end by our own hand tells nothing before.
    socket.once("close", () => fail(CLOSED));
  });
}

/**
 * Calls `read` with each piece that arrives, and with undefined at the end of the stream, until it gives a value or throws. What it leaves
 * unread of a piece is its own to keep; the stream is paused afterwards.
 */
export function receive<T>(stream: Duplex, read: (piece: Buffer | undefined) => T | undefined): Promise<T> {
  return new Promise((done, fail) => {
    const stop = (): void => {
      stream.off("data", onPiece).off("end", onEnd).off("error", onError).off("close", onClose);
      stream.pause();
    };
    const feed = (piece: Buffer | undefined): void => {
      try {
        const value = read(piece);
        if (value === undefined && piece !== undefined) return;
        stop();
        if (value === undefined) fail(CLOSED);
        else done(value);
      } catch (error) {
        stop();
        fail(asError(error));
      }
    };
    const onPiece = (piece: Buffer): void => feed(piece);
    const onEnd = (): void => feed(undefined);
    const onClose = (): void => feed(undefined);
    const onError = (error: Error): void => {
      stop();
      fail(error);
    };
    stream.on("data", onPiece).on("end", onEnd).on("error", onError).on("close", onClose);
    if (stream.errored) onError(stream.errored);
    else if (stream.readableEnded || stream.destroyed) onEnd();
    else stream.resume();
  });
}
