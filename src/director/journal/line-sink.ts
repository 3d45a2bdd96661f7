/**
 * Lines to a descriptor whose reader may be slow, or gone: they wait in memory, a bounded number of bytes, and what is too much is dropped and counted. The
 * director never waits for who reads its log, not at its end either (a blocked write would keep the process from ending).
 */

import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import koffi from "koffi";
import { libc } from "../../kernel/libc.ts";
import { Errno } from "../../kernel/system-call.ts";

export interface LineSink {
  /** Ends with a line feed. */
  readonly write: (line: string) => void;
  /** What can be written now is; the rest is lost. */
  readonly close: () => void;
}

const STDERR = 2;
const WAITING_BYTES_MAX = 1024 * 1024;
const RETRY_MS = 50;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

const TEXT = {
  dropped: (lines: number) => `(${lines} lines of the log are missing here: they came faster than they were read)\n`,
} as const;

/** How many bytes were taken; "later" when none can be now. Throws when nobody will ever read them. */
type Write = (bytes: Uint8Array) => number | "later";

export function openLineSink(fd = STDERR): LineSink {
  const { write, close } = writerOf(fd);
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let again: NodeJS.Timeout | undefined;
  let gone = false;

  const flush = (): void => {
    clearTimeout(again);
    again = undefined;
    try {
      while (waiting.length > 0) {
        const bytes = Buffer.concat(waiting);
        const taken = write(bytes);
        if (taken === "later") break;
        waitingBytes = bytes.length - taken;
        waiting = waitingBytes === 0 ? [] : [bytes.subarray(taken)];
      }
    } catch {
      // Nobody reads any more: the log has nowhere to go, and the journal is still there.
      gone = true;
      waiting = [];
    }
    if (waiting.length === 0) return;
    again = setTimeout(flush, RETRY_MS);
    again.unref();
  };

  const put = (line: string): boolean => {
    const bytes = Buffer.from(line);
    if (waitingBytes + bytes.length > WAITING_BYTES_MAX) return false;
    waiting.push(bytes);
    waitingBytes += bytes.length;
    return true;
  };

  return {
    write(line) {
      if (gone) return;
      if (dropped > 0 && put(TEXT.dropped(dropped))) dropped = 0;
      if (dropped > 0 || !put(line)) dropped++;
      // While the reader is slow, the timer tries.
      if (again === undefined) flush();
    },
    close() {
      if (dropped > 0) put(TEXT.dropped(dropped));
      flush();
      clearTimeout(again);
      gone = true;
      close();
    },
  };
}

function writerOf(fd: number): { readonly write: Write; readonly close: () => void } {
  if (fstatSync(fd).isSocket()) return { write: (bytes) => sendSome(fd, bytes), close: () => undefined };
  // A description of our own: not to wait is a property that others who have the same stderr would get too.
  const own = reopened(fd);
  return { write: (bytes) => writeSome(own ?? fd, bytes), close: () => own !== undefined && closeSync(own) };
}

function reopened(fd: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    // A terminal of another user's, a file that was deleted: then as it is.
    return undefined;
  }
}

function writeSome(fd: number, bytes: Uint8Array): number | "later" {
  try {
    return writeSync(fd, bytes);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return "later";
    throw error;
  }
}

function sendSome(fd: number, bytes: Uint8Array): number | "later" {
  const sent = libc.send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return sent;
  const errno = koffi.errno();
  if (errno === Errno.EAGAIN || errno === Errno.EINTR) return "later";
  throw new Error(`the log's socket is gone (errno ${errno})`);
}
