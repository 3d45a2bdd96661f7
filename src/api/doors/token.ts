/** The token that opens the TCP door: the first line of a file that only its owner and group can read, read anew when it changes. */

import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { EvenkeelError } from "../../model/error.ts";

const TEXT = {
  unreadable: (file: string, why: string) => `the API's token cannot be read from ${file}: ${why}`,
  open: (file: string) => `others can read or write ${file}, which holds the API's token`,
  openCure: (file: string) => `chmod o= ${file}, and write a new token into it`,
  short: (file: string) => `the first line of ${file} is no token: it must have ${LENGTH_MIN} characters or more, without a space`,
  shortCure: (file: string) => `openssl rand -hex 32 > ${file}`,
};

const LENGTH_MIN = 16;
const OTHERS = 0o006;

export class TokenFile {
  readonly #file: string;
  #seen = "";
  /** SHA-256: of equal length whatever the token's is. Undefined: nobody gets in. */
  #digest: Buffer | undefined;

  /** Throws when the file is of no use. */
  constructor(file: string) {
    this.#file = file;
    this.#read();
  }

  /** In constant time. A file that became unreadable lets nobody in. */
  accepts(token: string): boolean {
    this.#renew();
    const given = digestOf(token);
    return this.#digest !== undefined && timingSafeEqual(given, this.#digest);
  }

  #renew(): void {
    try {
      this.#read();
    } catch (error) {
      if (!(error instanceof EvenkeelError)) throw error;
      this.#digest = undefined;
      this.#seen = "";
    }
  }

  #read(): void {
    const file = this.#file;
    try {
      const { mode, ino, mtimeNs, ctimeNs, size } = statSync(file, { bigint: true });
      const seen = `${ino} ${mtimeNs} ${ctimeNs} ${size}`;
      if (seen === this.#seen) return;
      if ((Number(mode) & OTHERS) !== 0) throw new EvenkeelError("NOT_PERMITTED", TEXT.open(file), { cure: TEXT.openCure(file) });
      const [token = ""] = readFileSync(file, "utf8").split("\n");
      if (!/^\S+$/.test(token.trim()) || token.trim().length < LENGTH_MIN)
        throw new EvenkeelError("BAD_ARGUMENT", TEXT.short(file), { cure: TEXT.shortCure(file) });
      this.#digest = digestOf(token.trim());
      this.#seen = seen;
    } catch (error) {
      if (error instanceof EvenkeelError || !(error instanceof Error)) throw error;
      throw new EvenkeelError("NOT_FOUND", TEXT.unreadable(file, error.message), { cure: TEXT.shortCure(file), cause: error });
    }
  }
}

function digestOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
