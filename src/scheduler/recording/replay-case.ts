/**
 * Replays a case recorded on a real director: commands, connections and datagrams of clients, their ends, and time. After
 * each event the choice and every server's counters have to be the recorded ones.
 */

import { formatEndpoint, parseAddress } from "../../model/address.ts";
import type { TcpFlags } from "../../model/tcp-states.ts";
import type { ClientPacket, Verdict } from "../ipvs-model/ipvs-model.ts";
import type { CaseEngine } from "./case-engine.ts";
import { differentConnections } from "./connection-lines.ts";
import { parseOrder } from "./ipvsadm.ts";
import { type MarkRule, markOf, parseMarkRules } from "./marks.ts";
import { BadRecording, type Difference, type Fields, fieldsOf, listOf, numberOf, type ReplayResult, textOf } from "./recorded.ts";

export function isCase(recording: Fields): boolean {
  return ["case", "scheduler", "events"].every((name) => name in recording);
}

export function replayCase(recording: Fields, newEngine: () => CaseEngine): ReplayResult {
  const part = textOf(recording["case"], "case");
  const setup = listOf(recording["setup"] ?? [], "setup");
  const marks = setup.flatMap((command) => parseMarkRules(listOf(command, "a command of setup").map((word) => textOf(word, "a word"))));
  const run = new CaseRun(newEngine(), marks);
  const differences: Difference[] = [];
  let decisions = 0;
  for (const [event, value] of listOf(recording["events"], "events").entries()) {
    const { decided, different } = run.perform(fieldsOf(value, `event ${event}`));
    if (decided) decisions++;
    // One event may differ in several ways: it is one difference, told by the first.
    const [first] = different;
    if (first !== undefined) differences.push({ part, event, ...first });
  }
  return { decisions, differences };
}

interface Outcome {
  readonly decided: boolean;
  readonly different: readonly Pick<Difference, "expected" | "chosen">[];
}

interface Open {
  readonly packet: Omit<ClientPacket, "segment">;
  readonly verdict: Verdict;
}

const SYN: TcpFlags = { syn: true, ack: false, fin: false, rst: false };
const SYN_ACK: TcpFlags = { syn: true, ack: true, fin: false, rst: false };
const ACK: TcpFlags = { syn: false, ack: true, fin: false, rst: false };
const FIN_ACK: TcpFlags = { syn: false, ack: true, fin: true, rst: false };
const RST: TcpFlags = { syn: false, ack: false, fin: false, rst: true };

class CaseRun {
  readonly #engine: CaseEngine;
  readonly #marks: readonly MarkRule[];
  readonly #open = new Map<number, Open>();
  #nowMs = 0;

  constructor(engine: CaseEngine, marks: readonly MarkRule[]) {
    this.#engine = engine;
    this.#marks = marks;
  }

  perform(event: Fields): Outcome {
    this.#nowMs = numberOf(event["t"], "t") * 1000;
    this.#engine.advance(this.#nowMs);
    const op = textOf(event["op"], "op");
    const told = this.#tell(op, event);
    const different = told === undefined || told.expected === told.chosen ? [] : [told];
    const expected = JSON.stringify(event["after"]);
    // The recorder looked either before or after the tick that removes what was told to expire.
    if (JSON.stringify(this.#engine.servers()) !== expected) {
      this.#engine.settle(this.#nowMs);
      const chosen = JSON.stringify(this.#engine.servers());
      if (chosen !== expected) different.push({ expected, chosen });
    }
    return { decided: op === "connect" || op === "send", different };
  }

  /** Does what the event says. Where the recording tells an answer, both answers; they differ, or not. */
  #tell(op: string, event: Fields): Pick<Difference, "expected" | "chosen"> | undefined {
    switch (op) {
      case "ipvsadm":
        return this.#order(event);
      case "connect":
        return this.#connect(event);
      case "send":
        return this.#send(event);
      case "close":
        this.#close(numberOf(event["id"], "id"), textOf(event["how"], "how"), event["stalled"] === true);
        return undefined;
      case "close-of":
        for (const id of listOf(event["ids"], "ids")) this.#close(numberOf(id, "an id"), "rst", false);
        return undefined;
      case "sleep":
        this.#nowMs += numberOf(event["s"], "s") * 1000;
        this.#engine.advance(this.#nowMs);
        return undefined;
      case "sysctl":
        this.#engine.sysctl(textOf(event["key"], "key"), Number(event["val"]));
        return undefined;
      case "conns": {
        this.#engine.settle(this.#nowMs);
        const lines = listOf(event["conns"], "conns").map((line) => textOf(line, "a line of conns"));
        return differentConnections(lines, this.#engine.connections(this.#nowMs));
      }
      default:
        throw new BadRecording(`the event "${op}" is not known`);
    }
  }

  #order(event: Fields): Pick<Difference, "expected" | "chosen"> {
    const args = listOf(event["args"], "args").map((word) => textOf(word, "an argument"));
    const refusal = this.#engine.order(parseOrder(args), this.#nowMs);
    const refused = numberOf(event["rc"], "rc") !== 0;
    const done = `ipvsadm ${args.join(" ")}: done`;
    return { expected: refused ? "refused" : done, chosen: refusal === undefined ? done : refused ? "refused" : refusal };
  }

  #connect(event: Fields): Pick<Difference, "expected" | "chosen"> {
    const packet = this.#packet(event, "tcp");
    const verdict = this.#engine.incoming({ ...packet, segment: { protocol: "tcp", flags: SYN } }, this.#nowMs);
    const open = { packet, verdict };
    this.#open.set(numberOf(event["id"], "id"), open);
    if (verdict.kind === "forward") {
      this.#fromServer(open, SYN_ACK);
      this.#fromClient(open, ACK);
    }
    return { expected: expectedServer(event), chosen: chosenServer(verdict) };
  }

  #send(event: Fields): Pick<Difference, "expected" | "chosen"> {
    const packet = this.#packet(event, "udp");
    const verdict = this.#engine.incoming({ ...packet, segment: { protocol: "udp" } }, this.#nowMs);
    if (verdict.kind === "forward" && verdict.method === "nat" && event["noreply"] !== true) {
      const { client, clientPort } = packet;
      this.#engine.outgoing({ server: verdict.server, client, clientPort, segment: { protocol: "udp" } }, this.#nowMs);
    }
    return { expected: expectedServer(event), chosen: chosenServer(verdict) };
  }

  /** A connection that was refused has nothing to close. */
  #close(id: number, how: string, stalled: boolean): void {
    const open = this.#open.get(id);
    if (open === undefined) throw new BadRecording(`connection ${id} is closed before it was opened`);
    if (open.verdict.kind !== "forward") return;
    if (how === "fin") {
      if (this.#fromClient(open, FIN_ACK)) {
        this.#fromServer(open, ACK);
        this.#fromServer(open, FIN_ACK);
        this.#fromClient(open, ACK);
      }
    } else if (how === "sfin") {
      this.#fromServer(open, FIN_ACK);
      if (this.#fromClient(open, ACK) && this.#fromClient(open, FIN_ACK)) this.#fromServer(open, ACK);
    } else if (how === "rst") {
      this.#fromClient(open, RST);
    } else {
      throw new BadRecording(`the close "${how}" is not known`);
    }
    // The recorder gave up waiting for the other side and let both sides reset; the client's side does not get through.
    if (stalled) {
      this.#fromClient(open, RST);
      this.#fromServer(open, RST);
    }
  }

  #fromClient({ packet }: Open, flags: TcpFlags): boolean {
    return this.#engine.incoming({ ...packet, segment: { protocol: "tcp", flags } }, this.#nowMs).kind === "forward";
  }

  /** Only NAT brings the server's packets past the director. */
  #fromServer({ packet, verdict }: Open, flags: TcpFlags): void {
    if (verdict.kind !== "forward" || verdict.method !== "nat") return;
    const { client, clientPort } = packet;
    this.#engine.outgoing({ server: verdict.server, client, clientPort, segment: { protocol: "tcp", flags } }, this.#nowMs);
  }

  #packet(event: Fields, protocol: string): Omit<ClientPacket, "segment"> {
    const client = parseAddress(textOf(event["src"], "src"));
    const address = parseAddress(textOf(event["dst"], "dst"));
    const port = numberOf(event["dport"], "dport");
    const mark = markOf(this.#marks, { protocol, client, address, port });
    return { client, clientPort: numberOf(event["sport"], "sport"), address, port, mark };
  }
}

function expectedServer(event: Fields): string {
  return event["dest"] === null ? "nobody" : textOf(event["dest"], "dest");
}

function chosenServer(verdict: Verdict): string {
  return verdict.kind === "forward" ? formatEndpoint(verdict.server.address, verdict.server.port) : "nobody";
}
