/** An explanation for programs. */

import type { Choice, End, Explanation, MetConnection, MetService, MetTemplate, Question, Standing } from "../../director/explanation.ts";
import { outcomeMeaning } from "../../director/outcomes.ts";
import { formatAddress } from "../../model/address.ts";
import { describeMark } from "../../model/mark-rule.ts";
import { serverName, serviceName } from "../../model/service.ts";
import type { Account, Share } from "../../scheduler/account/account.ts";

type Json = Readonly<Record<string, unknown>>;

export function explanationJson(explanation: Explanation): Json {
  const { question, connection, service, template, choice, end, elsewhere } = explanation;
  return {
    answer: answerOf(end),
    question: questionOf(question),
    ...(connection === undefined ? {} : { connection: connectionOf(connection) }),
    ...(service === undefined ? {} : { service: serviceOf(service) }),
    ...(template === undefined ? {} : { template: templateOf(template) }),
    ...(choice === undefined ? {} : { scheduler: choiceOf(choice) }),
    ...(elsewhere.length === 0 ? {} : { elsewhere }),
  };
}

function answerOf(end: End): Json {
  switch (end.kind) {
    case "server":
      return { server: serverName(end.to.server), port: end.port, method: end.to.server.method, by: end.by };
    case "open":
      return { server: null, by: end.by };
    case "none":
      return { server: null, outcome: end.outcome, meaning: outcomeMeaning(end.outcome) };
  }
}

function questionOf({ protocol, client, clientPort, destination, mark, interfaceName }: Question): Json {
  return {
    protocol,
    client: formatAddress(client),
    ...(clientPort === undefined ? {} : { clientPort }),
    ...(destination === undefined ? {} : { destination: formatAddress(destination.address), port: destination.port }),
    ...(mark === undefined ? {} : { mark }),
    ...(interfaceName === undefined ? {} : { interface: interfaceName }),
  };
}

function connectionOf({ connection: { state, expiresMs, method, active }, to, givesWay }: MetConnection): Json {
  return {
    server: serverName(to.server),
    method,
    state,
    active,
    expiresSeconds: seconds(expiresMs),
    goesOn: givesWay === undefined,
    givesWay,
  };
}

function serviceOf({ head, by, rule }: MetService): Json {
  const { scheduler, persistence } = head;
  return {
    name: serviceName(head),
    by,
    ...(rule === undefined ? {} : { rule: describeMark(rule) }),
    scheduler,
    ...(persistence === undefined ? {} : { persistenceSeconds: persistence.timeoutSeconds }),
  };
}

function templateOf({ connection: { expiresMs, children }, to, invalid }: MetTemplate): Json {
  return {
    server: serverName(to.server),
    expiresSeconds: seconds(expiresMs),
    connections: children,
    leads: invalid === undefined,
    invalid,
  };
}

function choiceOf({ scheduler, flags, servers, account, chosen, steady, agrees }: Choice): Json {
  return {
    name: scheduler,
    flags,
    chosen: chosen === undefined ? null : serverName(chosen.server),
    steady,
    agrees,
    ...accountOf(account),
    servers: servers.map((standing, i) => ({ ...standingOf(standing), ...numbersOf(account, i) })),
  };
}

function standingOf({ server, load }: Standing): Json {
  const { active, inactive, overloaded } = load;
  return { server: serverName(server), method: server.method, weight: server.weight, active, inactive, overloaded };
}

/** What is of the choice, not of a server. */
function accountOf(account: Account): Json {
  switch (account.kind) {
    case "load":
    case "lots":
      return {};
    case "walk":
      return { before: account.before, after: account.after, ...(account.weights === undefined ? {} : { weights: account.weights }) };
    case "hash": {
      const { hashed, buckets, bucket, fallback } = account;
      return { hashed, buckets, bucket, ...(fallback === undefined ? {} : { fallback }) };
    }
    case "locality": {
      const { remembered, idleMs, expired, dropped } = account;
      return {
        remembered: remembered.map(({ server, share, passedOver }) => ({ server: serverName(server), ...shareOf(share), passedOver })),
        idleSeconds: seconds(idleMs),
        expired,
        ...(dropped === undefined ? {} : { dropped: serverName(dropped) }),
      };
    }
  }
}

function numbersOf(account: Account, i: number): Json {
  const passedOver = account.passedOver[i];
  const why = passedOver === undefined ? {} : { passedOver };
  switch (account.kind) {
    case "load":
      return { ...shareOf(account.shares[i]), ...why };
    case "walk":
      return { turn: account.turns[i], ...why };
    case "hash":
      return { buckets: account.owned[i], ...why };
    case "locality":
      return { ...shareOf(account.asked?.shares[i]), ...why };
    case "lots":
      return { ...shareOf(account.shares[i]), drawn: account.drawn[i], odds: account.odds[i], ...why };
  }
}

function shareOf(share: Share | undefined): Json {
  return share === undefined ? {} : { load: share.load, loadForWeight: share.load / share.weight };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
