/** A line of iptables-save as words. */

export interface Word {
  readonly text: string;
  /** It stood in quotes: no option, whatever it begins with. */
  readonly quoted: boolean;
}

/** As xtables_save_string() puts them into quotes. One that is left open ends with the line. */
export function wordsOf(line: string): Word[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)(?:"|$)|(\S+)/g)].map(([, quoted, bare]) =>
    quoted === undefined ? { text: bare ?? "", quoted: false } : { text: quoted.replace(/\\(.)/g, "$1"), quoted: true },
  );
}
