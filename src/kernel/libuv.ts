/** The part of libuv that node exports and JavaScript does not show: waiting for a descriptor that is no file and no TCP socket. */

import koffi from "koffi";
import { bind, NODE, type Pointer } from "./libraries.ts";

export const POLL_CALLBACK = koffi.proto("void uv_poll_cb(void *handle, int status, int events)");
export const CLOSE_CALLBACK = koffi.proto("void uv_close_cb(void *handle)");

export interface Libuv {
  uv_default_loop(): Pointer;
  uv_handle_size(type: number): number;
  uv_poll_init(loop: Pointer, handle: Pointer, fd: number): number;
  uv_poll_start(handle: Pointer, events: number, callback: bigint): number;
  uv_poll_stop(handle: Pointer): number;
  uv_unref(handle: Pointer): void;
  uv_close(handle: Pointer, callback: bigint): void;
}

export const libuv = bind<Libuv>(NODE, {
  uv_default_loop: "void *uv_default_loop(void)",
  uv_handle_size: "size_t uv_handle_size(int type)",
  uv_poll_init: "int uv_poll_init(void *loop, void *handle, int fd)",
  uv_poll_start: "int uv_poll_start(void *handle, int events, uv_poll_cb *callback)",
  uv_poll_stop: "int uv_poll_stop(void *handle)",
  uv_unref: "void uv_unref(void *handle)",
  uv_close: "void uv_close(void *handle, uv_close_cb *callback)",
});
