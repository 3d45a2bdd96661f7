/** A request and its answer, whatever version of HTTP carries them. */

export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  /** Host and port, as a server is asked for them. */
  readonly authority: string;
  /** Without those that the version of HTTP sets by itself. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body?: Buffer;
}

export interface HttpAnswer {
  readonly status: number;
  /** As much of it as is read. */
  readonly body: Uint8Array;
  readonly whole: boolean;
}
