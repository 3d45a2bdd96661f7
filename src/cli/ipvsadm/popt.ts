/**
 * How libpopt reads an argument list: the parser that ipvsadm is built on. Options come one by one, in the order in which they stand, so
 * that the first complaint is the one the real program has; what is no option is left over for later. Long names are not abbreviated;
 * short options stand in clusters ("-Ln"), and an argument may be joined to either ("-w5", "-w=5", "--weight=5").
 * Left out: popt's "!#:+" (in an argument: the next word that is no option), on which the real program may hang.
 */

export interface OptionShape {
  readonly long?: string;
  readonly short?: string;
  /** An optional one is what is joined, or the next word unless that begins with a dash. */
  readonly argument?: "required" | "optional";
}

export interface OptionTable<Option> {
  readonly byLong: ReadonlyMap<string, Option>;
  readonly byShort: ReadonlyMap<string, Option>;
}

export interface FoundOption<Option> {
  readonly option: Option;
  readonly argument: string | undefined;
}

/** An option that cannot be read; the text is popt's, without the word it is about (OptionReader.lastWord). */
export class OptionMistake extends Error {}

export function optionTable<Option extends OptionShape>(options: readonly Option[]): OptionTable<Option> {
  return {
    byLong: new Map(options.flatMap((option) => (option.long === undefined ? [] : [[option.long, option]]))),
    byShort: new Map(options.flatMap((option) => (option.short === undefined ? [] : [[option.short, option]]))),
  };
}

export class OptionReader<Option extends OptionShape> {
  /** May be exchanged between two options. */
  table: OptionTable<Option>;
  /** Words that are no options, as far as has been read. */
  readonly leftover: string[] = [];
  /** The word that was read last: what popt's error messages name. */
  lastWord = "";

  readonly #words: readonly string[];
  #next = 0;
  #cluster = "";
  #onlyWords = false;

  constructor(table: OptionTable<Option>, words: readonly string[]) {
    this.table = table;
    this.#words = words;
  }

  /** The next option, or undefined when all words have been read. Throws OptionMistake. */
  next(): FoundOption<Option> | undefined {
    while (this.#cluster === "") {
      const word = this.#read();
      if (word === undefined) return undefined;
      if (this.#onlyWords || !word.startsWith("-") || word === "-") this.leftover.push(word);
      else if (word === "--") this.#onlyWords = true;
      else if (word.startsWith("--")) return this.#long(word);
      else this.#cluster = word.slice(1);
    }
    return this.#short();
  }

  /** The word that comes next, if none is half read. */
  get nextWord(): string | undefined {
    return this.#cluster === "" ? this.#words[this.#next] : undefined;
  }

  /** Passes over the word that comes next. */
  skip(): void {
    this.#read();
  }

  #long(word: string): FoundOption<Option> {
    const equals = word.indexOf("=");
    const option = this.table.byLong.get(equals < 0 ? word.slice(2) : word.slice(2, equals));
    if (option === undefined) throw new OptionMistake("unknown option");
    return { option, argument: this.#argumentOf(option, equals < 0 ? undefined : word.slice(equals + 1)) };
  }

  #short(): FoundOption<Option> {
    const option = this.table.byShort.get(this.#cluster.charAt(0));
    if (option === undefined) throw new OptionMistake("unknown option");
    const rest = this.#cluster.slice(1);
    const joined = rest.startsWith("=") ? rest.slice(1) : undefined;
    const isFlag = option.argument === undefined;
    this.#cluster = isFlag ? rest : "";
    return { option, argument: this.#argumentOf(option, joined ?? (isFlag || rest === "" ? undefined : rest)) };
  }

  #argumentOf({ argument }: Option, joined: string | undefined): string | undefined {
    if (argument === undefined) {
      if (joined !== undefined) throw new OptionMistake("option does not take an argument");
      return undefined;
    }
    if (joined !== undefined) return joined;
    const following = this.#words[this.#next];
    if (argument === "optional" && (following === undefined || following.startsWith("-"))) return undefined;
    if (following === undefined) throw new OptionMistake("missing argument");
    return this.#read();
  }

  #read(): string | undefined {
    const word = this.#words[this.#next];
    if (word === undefined) return undefined;
    this.#next++;
    this.lastWord = word;
    return word;
  }
}
