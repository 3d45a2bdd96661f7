/** What libbpf says while it works, kept for the error that may follow instead of being printed to standard error. */

import koffi from "koffi";
import { libbpf, PRINT_FUNCTION } from "./libbpf.ts";
import { libc } from "./libc.ts";
import type { Pointer } from "./libraries.ts";

const LEVEL_INFO = 1;
const MESSAGE_BYTES = 2048;
const MESSAGES_MAX = 50;

const messages: string[] = [];
const text = new Uint8Array(MESSAGE_BYTES);
let installed = false;

/** Runs `work` and returns its result with the warnings libbpf gave meanwhile, oldest first. */
export function withMessages<T>(work: () => T): { result: T; messages: readonly string[] } {
  if (!installed) {
    // libbpf has one printer a process; it stays for good.
    libbpf.libbpf_set_print(koffi.register(keepMessage, koffi.pointer(PRINT_FUNCTION)));
    installed = true;
  }
  messages.length = 0;
  const result = work();
  return { result, messages: messages.splice(0) };
}

function keepMessage(level: number, format: Pointer, arguments_: Pointer): number {
  if (level > LEVEL_INFO) return 0;
  const length = libc.vsnprintf(text, text.length, format, arguments_);
  const message = new TextDecoder().decode(text.subarray(0, Math.max(0, Math.min(length, text.length - 1)))).trimEnd();
  if (messages.length === MESSAGES_MAX) messages.shift();
  messages.push(message);
  return length;
}
