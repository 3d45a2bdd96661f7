/** What `evenkeel explain` is asked, as people type it: which service, from which client. Every complaint says where in what was typed. */

import type { Question } from "../../director/explanation.ts";
import { type Address, parseAddress } from "../../model/address.ts";
import { EvenkeelError } from "../../model/error.ts";
import { PROTOCOLS, type Protocol } from "../../model/service.ts";

export interface QuestionOptions {
  readonly service: string;
  readonly from: string;
  readonly to?: string;
  readonly interface?: string;
}

const CURES = {
  service: "give tcp:ADDRESS:PORT, udp:... or sctp:..., IPv6 in brackets; or mark:NUMBER, mark:NUMBER:ipv6",
  from: "give ADDRESS or ADDRESS:PORT, IPv6 with a port in brackets",
  to: "give ADDRESS:PORT, or udp:ADDRESS:PORT",
} as const;

type Option = keyof typeof CURES;

const PORT_MAX = 65_535;
const MARK_MAX = 4_294_967_295;

export function parseQuestion(options: QuestionOptions): Question {
  const { address: client, port: clientPort } = endpoint(new Text("from", options.from));
  const interfaceName = options.interface;
  const asked = {
    client,
    ...(clientPort === undefined ? {} : { clientPort }),
    ...(interfaceName === undefined ? {} : { interfaceName }),
  };
  const service = new Text("service", options.service);
  const marked = mark(service);
  if (marked === undefined && options.to !== undefined) {
    throw new Text("to", options.to).complaint("only a service by mark is asked with --to: --service says where the packet goes", 0);
  }
  if (marked === undefined) {
    const { protocol, destination } = whereTo(service);
    if (destination.address.family !== client.family) throw otherFamily(service, client.family);
    return { ...asked, protocol, destination };
  }
  if (marked.family !== client.family) throw otherFamily(service, client.family);
  if (options.to === undefined) return { ...asked, protocol: "tcp", mark: marked.mark };
  const to = new Text("to", options.to);
  const { protocol, destination } = whereTo(to);
  if (destination.address.family !== client.family) throw otherFamily(to, client.family);
  return { ...asked, protocol, destination, mark: marked.mark };
}

/** What an option was given, or the part of it from some character on. */
class Text {
  readonly #option: Option;
  readonly #whole: string;
  readonly #from: number;
  readonly rest: string;

  constructor(option: Option, whole: string, from = 0) {
    this.#option = option;
    this.#whole = whole;
    this.#from = from;
    this.rest = whole.slice(from);
  }

  after(characters: number): Text {
    return new Text(this.#option, this.#whole, this.#from + characters);
  }

  /** `at`: of the rest. People count characters from 1. */
  complaint(problem: string, at: number): EvenkeelError {
    const place = this.#from + at;
    const where = place === 0 ? "" : ` at character ${place + 1}`;
    return new EvenkeelError("BAD_ARGUMENT", `--${this.#option} ${this.#whole}${where}: ${problem}`, { cure: CURES[this.#option] });
  }
}

function mark(text: Text): { readonly mark: number; readonly family: Address["family"] } | undefined {
  if (!text.rest.startsWith("mark:")) return undefined;
  const behind = text.after("mark:".length);
  const [number = "", family, ...more] = behind.rest.split(":");
  if (!/^\d+$/.test(number) || Number(number) === 0 || Number(number) > MARK_MAX) {
    throw behind.complaint(`"${number}" is no mark: those are 1 to ${MARK_MAX}`, 0);
  }
  if (more.length > 0 || (family !== undefined && family !== "ipv4" && family !== "ipv6")) {
    throw behind.complaint(`"${[family, ...more].join(":")}" is neither ipv4 nor ipv6`, number.length + 1);
  }
  return { mark: Number(number), family: family ?? "ipv4" };
}

/** tcp when no protocol is said. */
function whereTo(text: Text): { readonly protocol: Protocol; readonly destination: { readonly address: Address; readonly port: number } } {
  const word = /^[a-z]+(?=:)/i.exec(text.rest)?.[0];
  const protocol = PROTOCOLS.find((known) => known === (word ?? "tcp"));
  // "fd77::1" begins with letters too, which no protocol's name is made of alone.
  if (protocol === undefined && word !== undefined && !/^[0-9a-f]+$/i.test(word)) {
    throw text.complaint(`there is no protocol "${word}"`, 0);
  }
  const behind = protocol === undefined || word === undefined ? text : text.after(word.length + 1);
  const { address, port } = endpoint(behind);
  if (port === undefined) throw behind.complaint("the port is missing", behind.rest.length);
  return { protocol: protocol ?? "tcp", destination: { address, port } };
}

function endpoint(text: Text): { readonly address: Address; readonly port?: number } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text.rest);
  const plain = /^([^:]*):([^:]*)$/.exec(text.rest);
  const [, host = text.rest, port] = bracketed ?? plain ?? [];
  const hostAt = bracketed === null ? 0 : 1;
  const address = addressAt(text, host, hostAt);
  if (port === undefined) return { address };
  const portAt = text.rest.length - port.length;
  if (!/^\d+$/.test(port)) throw text.complaint(port === "" ? "the port is missing" : `"${port}" is no port`, portAt);
  if (Number(port) === 0 || Number(port) > PORT_MAX) throw text.complaint(`there is no port ${port}: those are 1 to ${PORT_MAX}`, portAt);
  return { address, port: Number(port) };
}

function addressAt(text: Text, host: string, at: number): Address {
  if (host === "") throw text.complaint("the address is missing", at);
  try {
    return parseAddress(host);
  } catch (error) {
    if (error instanceof EvenkeelError) throw text.complaint(error.message, at);
    throw error;
  }
}

function otherFamily(text: Text, family: Address["family"]): EvenkeelError {
  return text.complaint(`the client is ${family}, and this is not`, 0);
}
