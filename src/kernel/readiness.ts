/**
 * Calls back when a descriptor can be read, from node's own loop (uv_poll): for raw, netlink and packet sockets, which node cannot wait for.
 * Main thread only. The callback must read until there is nothing left.
 */

import assert from "node:assert";
import { isMainThread } from "node:worker_threads";
import koffi from "koffi";
import { EvenkeelError } from "../model/error.ts";
import { CLOSE_CALLBACK, libuv, POLL_CALLBACK } from "./libuv.ts";
import { describeErrno } from "./system-call.ts";

const UV_POLL = 8;
const UV_READABLE = 1;

export interface ReadinessOptions {
  /** Whether waiting keeps the process alive. */
  readonly keepAlive?: boolean;
}

/** Returns the way to stop; the descriptor stays the caller's and may be closed once stopped. */
export function whenReadable(fd: number, ready: () => void, options: ReadinessOptions = {}): () => void {
  assert(isMainThread, "the default loop belongs to the main thread");
  const handle = koffi.alloc("uint8_t", Number(libuv.uv_handle_size(UV_POLL)));
  const started = libuv.uv_poll_init(libuv.uv_default_loop(), handle, fd);
  if (started < 0) {
    koffi.free(handle);
    throw new EvenkeelError("SYSTEM_CALL", `cannot wait for the descriptor ${fd}: ${describeErrno(-started)}`);
  }
  let stopped = false;
  const onReady = koffi.register(() => {
    if (stopped) return;
    try {
      ready();
    } catch (error) {
      // Thrown through C it would vanish; thrown from the loop it is the uncaught exception it is.
      setImmediate(() => {
        throw error;
      });
    }
  }, koffi.pointer(POLL_CALLBACK));
  const onClosed = koffi.register(() => {
    // Not from within the callback that is to be taken away.
    setImmediate(() => {
      koffi.unregister(onReady);
      koffi.unregister(onClosed);
      koffi.free(handle);
    });
  }, koffi.pointer(CLOSE_CALLBACK));
  libuv.uv_poll_start(handle, UV_READABLE, onReady);
  if (options.keepAlive === false) libuv.uv_unref(handle);
  return () => {
    if (stopped) return;
    stopped = true;
    libuv.uv_poll_stop(handle);
    libuv.uv_close(handle, onClosed);
  };
}
