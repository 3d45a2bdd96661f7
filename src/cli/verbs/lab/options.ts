/** Options that several verbs of the lab have, and how their values are read. */

import { InvalidArgumentError, Option } from "commander";

export interface NameOption {
  readonly name: string;
}

export function nameOption(): Option {
  return new Option("--name <lab>", "which lab").default("lab");
}

export function wholeNumber(least: number, greatest: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= greatest) return number;
    throw new InvalidArgumentError(`It is a whole number from ${least} to ${greatest}.`);
  };
}

/** "3,2,1" */
export function weightList(greatest: number): (text: string) => number[] {
  const read = wholeNumber(0, greatest);
  return (text) => text.split(",").map(read);
}
