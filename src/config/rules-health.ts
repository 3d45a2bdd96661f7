/** Contradictions between a service's checks and the rest of it, and between what depends on how its servers are. */

import { CLIENTS_WAY_KINDS, KINDS_WITH_WEIGHT, KINDS_WITHOUT_PORT } from "./check-kinds.ts";
import { formatPath } from "./complaint.ts";
import type { Complain } from "./mapping.ts";
import type { CheckReading } from "./read-checks.ts";
import type { ServerReading, ServiceReading } from "./rules.ts";
import type { Source } from "./source.ts";

export function checkHealth(source: Source, service: ServiceReading, complain: Complain): void {
  checkHairpin(source, service, complain);
  checkQuorum(source, service, complain);
  checkUseless(source, service, complain);
  const usual = service.servers.filter(({ checks }) => checks === undefined);
  for (const reading of service.checks?.readings ?? []) checkCheck(source, service, reading, usual, complain);
  for (const server of service.servers)
    for (const reading of server.checks?.readings ?? []) checkCheck(source, service, reading, [server], complain);
}

/** `servers`: those that are checked so. */
function checkCheck(
  source: Source,
  service: ServiceReading,
  { path, check }: CheckReading,
  servers: readonly ServerReading[],
  complain: Complain,
): void {
  const { kind, options, clientsWay } = check;
  if (options["port"] === undefined && kind === "agent") {
    complain(source.complaint(path, "an agent listens on a port of its own; write agent: { port: ... }"));
  } else if (options["port"] === undefined && !KINDS_WITHOUT_PORT.includes(kind) && servers.some(({ port }) => port === 0)) {
    complain(source.complaint(path, `the service is for every port, so the check needs one; write ${kind}: { port: ... }`));
  }
  if (!clientsWay) return;
  const at = [...path, "clients_way"];
  if (!CLIENTS_WAY_KINDS.includes(kind)) {
    complain(source.complaint(at, `${kind} is no check that a client's packets could make; allowed: ${CLIENTS_WAY_KINDS.join(", ")}`));
    return;
  }
  const mapped = servers.find(({ method }) => method === "nat");
  if (mapped !== undefined) {
    const which = formatPath(mapped.path.slice(service.path.length));
    const text = `this is for dr and tun, and ${which} has nat: its packets are the same either way; leave it out`;
    complain(source.complaint(at, text));
  }
  const foreign = servers.find(
    ({ method, fields: { address } }) => method === "tun" && address !== undefined && address.family !== service.family,
  );
  if (foreign !== undefined && service.family !== undefined) {
    const [first] = foreign.path.slice(-1);
    const text = `servers[${first}] has an address of another family than the service; such a server is checked directly only: leave it out`;
    complain(source.complaint(at, text));
  }
  if (service.given("mark") && options["address"] === undefined)
    complain(source.complaint(path, `a service by mark has no address of its own; write ${kind}: { address: ..., port: ... }`));
  if (!service.given("mark") && options["address"] !== undefined)
    complain(source.complaint([...path, kind, "address"], "a check on the clients' way goes to the service's address; leave this out"));
}

function checkHairpin(source: Source, { path, fields, servers, sorry }: ServiceReading, complain: Complain): void {
  if (!fields.hairpin) return;
  const at = [...path, "hairpin"];
  if (fields.full_nat !== undefined)
    complain(source.complaint(at, "full_nat says already what address servers see; leave one of them out"));
  if (fields.one_packet) complain(source.complaint(at, "one_packet keeps no connections, by which answers would be found"));
  const all = [...servers, ...(sorry === undefined ? [] : [sorry])];
  const direct = all.find(({ method }) => method === "dr" || method === "tun");
  if (direct === undefined) return;
  const which = formatPath(direct.path.slice(path.length));
  complain(source.complaint(at, `this is for nat, and ${which} has ${direct.method}, whose replies do not pass the director`));
}

/** What can never be reached, or never be left. */
function checkQuorum(source: Source, { path, quorum, fields, checks, servers }: ServiceReading, complain: Complain): void {
  const { weight, hysteresis = 0 } = quorum ?? {};
  if (weight === undefined) return;
  if (hysteresis >= weight) {
    const text = `${hysteresis} is not below the quorum ${weight}: the service could never be lost`;
    complain(source.complaint([...path, "quorum", "hysteresis"], text));
  }
  const lists = [checks, ...servers.map((server) => server.checks)];
  const namesWeights = lists.some((list) => list?.checks.some(({ kind }) => KINDS_WITH_WEIGHT.includes(kind)));
  if (servers.length === 0 || namesWeights) return;
  const all = servers.reduce((sum, server) => sum + (server.fields.weight ?? fields.weight ?? 1), 0);
  const needed = weight + hysteresis;
  if (needed <= all) return;
  const text =
    weight > all
      ? `${weight} is above ${all}, what all servers weigh together: the service would never be up`
      : `once lost it is gained again at ${weight} + ${hysteresis}, and all servers together weigh ${all}: never`;
  complain(source.complaint([...path, "quorum"], text));
}

/** What would never have an effect. */
function checkUseless(source: Source, { path, fields, given, checks, servers }: ServiceReading, complain: Complain): void {
  const isChecked = (checks?.checks.length ?? 0) > 0 || servers.some((server) => (server.checks?.checks.length ?? 0) > 0);
  if (fields.alpha && !isChecked && servers.length > 0 && !given("checks"))
    complain(source.complaint([...path, "alpha"], "there are no checks that could say its servers are well"));
  if (given("persistent")) return;
  const text = "only persistent services have templates; leave it out, or write persistent: 300";
  if (fields.cut_templates) complain(source.complaint([...path, "cut_templates"], text));
  for (const server of servers) if (server.fields.cut_templates) complain(source.complaint([...server.path, "cut_templates"], text));
}
