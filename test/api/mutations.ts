/** Requests that are nearly right: each begins as one that the API takes, and is broken in one to four places. From one seed the same ones come. */

export interface Asking {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: string | Buffer;
}

const JSON_BODY = { "content-type": "application/json" };
const YAML = { "content-type": "application/yaml" };

const SERVICE = { address: "11.0.0.1", port: 80, protocol: "tcp" };
const HEAD = { ...SERVICE, port: 81, scheduler: "wlc", persistence: { timeoutSeconds: 60, clientMask: "255.255.255.0" } };
const SERVER = { address: "10.0.0.9", port: 80, weight: 1, method: "nat" };
const DAEMON = { role: "master", interfaceName: "eth0", syncId: 1, group: "224.0.0.81", port: 8848, ttl: 1 };

const EDITS: readonly object[] = [
  { kind: "add-service", service: HEAD },
  { kind: "edit-service", service: { ...HEAD, port: 80 } },
  { kind: "delete-service", service: SERVICE },
  { kind: "clear" },
  { kind: "add-server", service: SERVICE, server: SERVER },
  { kind: "edit-server", service: SERVICE, server: { ...SERVER, address: "10.0.0.1" } },
  { kind: "delete-server", service: SERVICE, server: { address: "10.0.0.1", port: 80 } },
  { kind: "set-timeouts", timeouts: { tcp: 60 } },
  { kind: "reset-counters" },
  { kind: "start-daemon", daemon: DAEMON },
  { kind: "stop-daemon", role: "master" },
];

const CONFIGURATION = `services:
  - name: web
    address: 11.0.0.1
    port: 80
    scheduler: wrr
    method: nat
    persistent: 300
    servers:
      - { address: 10.0.0.1, port: 80, weight: 3, upper_threshold: 100 }
      - { address: 10.0.0.2, port: 80 }
marks:
  - { mark: 1, protocol: tcp, destination: 192.0.2.10, port: 80 }
`;

const SEEDS: readonly (Asking & { readonly json?: unknown })[] = [
  ...[
    "/v1/status",
    "/v1/services",
    "/v1/services/web-0",
    "/v1/services/tcp%2011.0.0.1%3A80?history=true",
    "/v1/overrides",
    "/v1/measures",
  ].map(get),
  ...[
    "/v1/servers?service=web-0&condition=up&overridden=false&history=true",
    "/v1/connections?client=10.0.0.0/8&limit=10&cursor=0&state=udp",
  ].map(get),
  ...[
    "/v1/events?after=1&limit=5&event=change,drift&severity=info&since=2026-01-01T00:00:00Z",
    "/v1/configuration/history/1",
    "/v1/kernel",
  ].map(get),
  ...["/v1/configuration", "/v1/configuration/history", "/v1/adopted", "/healthz", "/readyz", "/metrics"].map(get),
  ...EDITS.map((edit) => ({ method: "POST", url: "/v1/edits", headers: JSON_BODY, json: { edits: [edit], options: { keepGoing: true } } })),
  { method: "POST", url: "/v1/edits", headers: JSON_BODY, json: { edits: EDITS, options: {}, reason: "why" } },
  {
    method: "POST",
    url: "/v1/overrides",
    headers: JSON_BODY,
    json: { server: "10.0.0.1", service: "web-0", kind: "drain", deadlineMs: 5 },
  },
  {
    method: "PUT",
    url: "/v1/services/web-1/servers/10.0.0.3/override",
    headers: JSON_BODY,
    json: { kind: "weight", weight: 9, reason: "x" },
  },
  { method: "DELETE", url: "/v1/services/web-1/servers/10.0.0.3/override?kind=weight", headers: {} },
  { method: "DELETE", url: "/v1/overrides?server=10.0.0.1&reason=done", headers: {} },
  { method: "DELETE", url: "/v1/adopted?reason=done", headers: {} },
  { method: "PUT", url: "/v1/configuration?file=a.yaml&confirm-within=60s", headers: { ...YAML, "if-match": "*" }, payload: CONFIGURATION },
  { method: "PUT", url: "/v1/configuration?dry-run=true", headers: YAML, payload: CONFIGURATION },
  { method: "POST", url: "/v1/configuration/plan?file=a.yaml", headers: YAML, payload: CONFIGURATION },
  ...["confirm", "undo?id=1", "reload?reason=x"].map((verb) => ({ method: "POST", url: `/v1/configuration/${verb}`, headers: {} })),
];

const TEXTS: readonly string[] = [
  ..."0 -1 65536 4294967296 1e999 0x1f 007 NaN null true __proto__ constructor toString length".split(" "),
  ..."::1 ::ffff:1.2.3.4 fe80::1%eth0 224.0.0.1 0.0.0.0 255.255.255.255 999.1.1.1 10.0.0.0/33 [::1]:80 mark:1 mark:99999999999".split(" "),
  "",
  " ",
  "\0",
  "\r\n",
  "\u202e",
  "\ud800",
  "é",
  "😀",
  "../../etc/passwd",
  "%00",
  "%ff",
  "%25",
  "'; --",
  "<script>",
  "{{7*7}}",
  "a".repeat(500),
];
const VALUES: readonly unknown[] = [
  ...TEXTS,
  0,
  -1,
  0.5,
  2 ** 31,
  2 ** 53,
  1e300,
  true,
  false,
  null,
  [],
  {},
  [[[[]]]],
  { __proto__: 1, kind: 1 },
  [null],
];
const TYPES: readonly string[] = [
  "application/json",
  "application/yaml",
  "text/yaml; charset=latin1",
  "text/plain",
  "application/json; charset=utf-16",
  "x",
  "multipart/form-data; boundary=x",
];
const METHODS: readonly string[] = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"];

export class Mutations {
  readonly #chance: () => number;

  constructor(chance: () => number) {
    this.#chance = chance;
  }

  next(): Asking {
    const { json, ...seed } = this.#one(SEEDS);
    let asked: Asking = seed;
    let body = structuredClone(json);
    let text = typeof seed.payload === "string" ? seed.payload : undefined;
    for (let i = 1 + this.#below(4); i > 0; i--) {
      const what = this.#below(20);
      if (what === 0) asked = { ...asked, method: this.#one(METHODS) };
      else if (what === 1) asked = { ...asked, headers: { ...asked.headers, "content-type": this.#one(TYPES) } };
      else if (what === 2)
        asked = {
          ...asked,
          headers: { ...asked.headers, [this.#one(["if-match", "if-none-match", "accept", "last-event-id"])]: printable(this.#one(TEXTS)) },
        };
      else if (what < 6) asked = { ...asked, url: this.#url(asked.url) };
      else if (text !== undefined) text = this.#text(text);
      else if (body !== undefined) body = this.#json(body);
      else asked = { ...asked, url: this.#url(asked.url) };
    }
    const written = text ?? (body === undefined ? undefined : JSON.stringify(body));
    if (written === undefined) return asked;
    return { ...asked, payload: this.#below(4) === 0 ? this.#bytes(Buffer.from(written)) : written };
  }

  /** Another value somewhere inside, a key more, a key less. */
  #json(value: unknown): unknown {
    if (typeof value !== "object" || value === null || this.#below(8) === 0) return this.#one(VALUES);
    if (Array.isArray(value)) {
      const list = value as unknown[];
      const at = this.#below(list.length);
      if (this.#below(6) === 0) return [...list, ...list];
      return list.map((item, i) => (i === at ? this.#json(item) : item));
    }
    const entries = Object.entries(value);
    const at = this.#below(entries.length);
    const what = this.#below(6);
    if (what === 0) return Object.fromEntries(entries.filter((_, i) => i !== at));
    if (what === 1) return Object.fromEntries([...entries, [this.#one(TEXTS), this.#one(VALUES)]]);
    return Object.fromEntries(entries.map(([key, item], i) => [key, i === at ? this.#json(item) : item]));
  }

  #text(text: string): string {
    const at = this.#below(text.length);
    const what = this.#below(4);
    if (what === 0) return text.slice(0, at) + text.slice(at + 1 + this.#below(12));
    if (what === 1) return text.slice(0, at) + text.slice(this.#below(text.length));
    if (what === 2) return text.replace(/[\w.]+/g, (word) => (this.#below(20) === 0 ? this.#one(TEXTS) : word));
    return text.slice(0, at) + this.#one(TEXTS) + text.slice(at);
  }

  #url(url: string): string {
    const at = 1 + this.#below(url.length);
    const what = this.#below(5);
    if (what === 0)
      return `${url}${url.includes("?") ? "&" : "?"}${this.#one(["limit", "file", "service", "reason", "x", "__proto__"])}=${encode(this.#one(TEXTS))}`;
    if (what === 1) return url.replace(/=[^&]*/, () => `=${encode(this.#one(TEXTS))}`);
    if (what === 2) return url.slice(0, at) + encode(this.#one(TEXTS)) + url.slice(at);
    if (what === 3) return url.slice(0, at);
    return url.slice(0, at) + this.#one(["%", "/", "//", "?", "#", "%2f", "%zz", ";", "&&", ":"]) + url.slice(at);
  }

  #bytes(bytes: Buffer): Buffer {
    for (let i = this.#below(4); i >= 0; i--) bytes[this.#below(bytes.length)] = this.#below(256);
    return bytes;
  }

  #below(limit: number): number {
    return Math.floor(this.#chance() * Math.max(1, limit));
  }

  #one<Item>(list: readonly Item[]): Item {
    return list[this.#below(list.length)] as Item;
  }
}

function get(url: string): Asking {
  return { method: "GET", url, headers: {} };
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

/** As a header may be. */
function printable(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?");
}
