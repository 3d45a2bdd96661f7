/**
 * A checker in a network namespace of its own, for tests: a question a line of JSON on its standard input, the answers on its output, in order of
 * completion. Ends with its input.
 */

import { createInterface } from "node:readline";
import { directDial } from "../../src/checker/dial.ts";
import { isCheckKind, prepareCheck } from "../../src/checker/index.ts";
import { ClientsWay, type WayWanted } from "../../src/director/clients-way/clients-way.ts";
import { parseAddress } from "../../src/model/address.ts";
import type { Answer, Question, WayInWords } from "./questions.ts";

const clientsWay = ClientsWay.open();

function wayOf({ vip, address, port, protocol = "tcp", method, tunnel, mark }: WayInWords): WayWanted {
  const server = { address: parseAddress(address), port, weight: 1, method, ...(tunnel === undefined ? {} : { tunnel }) };
  const service = mark === undefined ? { port } : { port: 0, mark };
  return { service: { address: parseAddress(vip), protocol, ...service }, server };
}

async function answer(question: Question): Promise<Omit<Answer, "id">> {
  if (question.ask === "sync") return { troubles: clientsWay.sync(question.ways.map(wayOf)), interfaces: clientsWay.interfaces };
  const { service, server } = wayOf(question.way);
  if (!isCheckKind(question.kind)) throw new Error(`there is no check ${question.kind}`);
  const verdict = await prepareCheck(question.kind, question.options)(
    { host: server.address, port: server.port },
    { dial: question.direct ? directDial : clientsWay.dialTo(service, server), signal: AbortSignal.timeout(question.withinMs) },
  );
  return { verdict };
}

const lines = createInterface(process.stdin);
let waiting = 0;
let ended = false;
const end = (): void => {
  if (ended && waiting === 0) clientsWay.close();
};
lines.on("line", (line) => {
  const question = JSON.parse(line) as Question & { readonly id: number };
  waiting++;
  void answer(question)
    .catch((error: unknown) => ({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }))
    .then((given) => {
      waiting--;
      process.stdout.write(`${JSON.stringify({ id: question.id, ...given })}\n`);
      end();
    });
});
lines.on("close", () => {
  ended = true;
  end();
});
