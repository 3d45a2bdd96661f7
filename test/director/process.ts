/**
 * A director as a process of its own, for tests: started inside a host's namespace by director.ts, asked over the channel to its parent. Arguments: the configuration
 * file, the directory of its state.
 */

import { join } from "node:path";
import { startDirector } from "../../src/director/daemon/start.ts";
import type { Director } from "../../src/director/director.ts";
import { openJournal } from "../../src/director/journal/journal.ts";
import { openStore } from "../../src/director/store/store.ts";
import { EvenkeelError } from "../../src/model/error.ts";

export interface Question {
  readonly id: number;
  readonly method: keyof Director | "stop" | "networkChanged";
  readonly args: readonly unknown[];
}

export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string; readonly cure: string } };

const [file = "", state = ""] = process.argv.slice(2);
const store = openStore(state);
const journal = openJournal({ database: join(state, "journal.db") });
const said = (error: unknown) =>
  error instanceof EvenkeelError
    ? { code: error.code, message: error.message, cure: error.cure }
    : { code: "", message: String(error instanceof Error ? error.stack : error), cure: "" };

try {
  const started = performance.now();
  const director = await startDirector({ file, store, journal, version: "test", capabilities: () => [] });
  const answer = async ({ id, method, args }: Question): Promise<void> => {
    try {
      const call = director[method] as (...all: readonly unknown[]) => unknown;
      process.send?.({ id, value: await call.apply(director, [...args]) } satisfies Answer);
      if (method === "stop") process.disconnect?.();
    } catch (error) {
      process.send?.({ id, error: said(error) } satisfies Answer);
    }
  };
  process.on("message", (question: Question) => void answer(question));
  process.on("disconnect", () => process.exit());
  process.send?.({ id: 0, value: performance.now() - started } satisfies Answer);
} catch (error) {
  process.send?.({ id: 0, error: said(error) } satisfies Answer);
  process.exitCode = 1;
  process.disconnect?.();
}
