/**
 * The C libraries we call, loaded when the first function of theirs is: a command that touches no kernel needs none of them.
 * This file and its two tables (libc.ts, libbpf.ts) are the only place where C signatures are written down.
 */

import koffi, { type LibraryHandle } from "koffi";
import { EvenkeelError } from "../model/error.ts";

/** Memory that C owns: an address, or null. */
export type Pointer = bigint | null;

/** Memory that we own; C may read or write it during the call only. */
export type Bytes = Uint8Array;

interface Library {
  readonly file: string;
  readonly cure: string;
}

export const LIBC: Library = { file: "libc.so.6", cure: "Evenkeel needs a Linux with glibc (Debian, Ubuntu, Fedora, ...)" };
export const LIBBPF: Library = { file: "libbpf.so.1", cure: "apt-get install libbpf1" };
/** The running program itself: node exports libuv. */
export const NODE: Library = { file: "", cure: "run Evenkeel with the runtime it came with (bin/evenkeel)" };

const loaded = new Map<Library, LibraryHandle>();

/** An object with one method for each C definition; library and functions are looked up at the first call. */
export function bind<T extends object>(library: Library, definitions: Readonly<Record<keyof T, string>>): T {
  const bound = {};
  for (const name of Object.keys(definitions) as (keyof T & string)[]) {
    Object.defineProperty(bound, name, {
      configurable: true,
      get: () => {
        const value = functionOf(library, name, definitions[name]);
        Object.defineProperty(bound, name, { value });
        return value;
      },
    });
  }
  return bound as T;
}

/** Whether this library has that function: newer kernels' calls are not in every libbpf. */
export function hasFunction(library: Library, definition: string): boolean {
  try {
    open(library).func(definition);
    return true;
  } catch (error) {
    if (error instanceof EvenkeelError) throw error;
    return false;
  }
}

function functionOf(library: Library, name: string, definition: string): ReturnType<LibraryHandle["func"]> {
  try {
    return open(library).func(definition);
  } catch (error) {
    if (error instanceof EvenkeelError) throw error;
    throw new EvenkeelError(
      "LIBRARY_MISSING",
      `${library.file || "node"} offers no ${name}: ${error instanceof Error ? error.message : String(error)}`,
      {
        cure: library.cure,
        cause: error,
        facts: { library: library.file, function: name },
      },
    );
  }
}

function open(library: Library): LibraryHandle {
  const present = loaded.get(library);
  if (present !== undefined) return present;
  try {
    const handle = koffi.load(library.file === "" ? null : library.file);
    loaded.set(library, handle);
    return handle;
  } catch (error) {
    throw new EvenkeelError(
      "LIBRARY_MISSING",
      `cannot load ${library.file || "the running program"}: ${error instanceof Error ? error.message : String(error)}`,
      {
        cure: library.cure,
        cause: error,
        facts: { library: library.file },
      },
    );
  }
}
