/** What a health check finds out about a server, in the words that checkers and those who draw conclusions share. */

/** How far a check came. */
export const PHASES = ["prepare", "resolve", "connect", "tls", "request", "response", "match"] as const;
export type Phase = (typeof PHASES)[number];

/** A weight that a server (agent) or a script names: in the place of the configured one, or as a part of it. */
export type NamedWeight =
  | { readonly kind: "absolute"; readonly weight: number }
  /** May be above 100. */
  | { readonly kind: "percent"; readonly percent: number };

/** What a server may ask for itself: take new clients, finish those it has, or be left alone. */
export type Mode = "ready" | "drain" | "maintenance";

/** What is left out stays as it was said before. */
export interface Advice {
  readonly weight?: NamedWeight;
  readonly mode?: Mode;
}

export type Details = Readonly<Record<string, string | number | boolean>>;

interface Examination {
  /** The last phase that was entered. */
  readonly phase: Phase;
  readonly durationMs: number;
  /** What is worth keeping: an HTTP status, the days until a certificate ends. */
  readonly details: Details;
}

export type Verdict =
  | (Examination & { readonly outcome: "pass"; readonly advice?: Advice })
  /** `reason` says in plain words what the server did wrong. */
  | (Examination & { readonly outcome: "fail"; readonly reason: string; readonly advice?: Advice })
  /** The check could not be made, and not by the server's fault (no descriptor left, no such address to bind to): it says nothing about the server. */
  | (Examination & { readonly outcome: "unable"; readonly reason: string });
