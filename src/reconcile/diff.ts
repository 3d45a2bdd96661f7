/**
 * What has to change so that the data plane holds what is desired. Make before break: first what adds a way for traffic,
 * then what alters one, last what takes one away. What is equal is not touched, and no service or server is ever deleted to
 * be added again. Servers are added in the desired order; a mere change of order changes nothing, as in IPVS.
 */

import { describeMark } from "../model/mark-rule.ts";
import type { ActualState, Attachment, Change, DesiredState, MarkRule, ServiceHead, WantedAttachment } from "../model/plane.ts";
import { type RealServer, serverName, serviceName, type VirtualService } from "../model/service.ts";
import { sameFacts, serverFacts, serviceFacts, settingsFacts, settingsOf } from "./facts.ts";

export function diff(desired: DesiredState, actual: ActualState): Change[] {
  const services = pair(desired.services, actual.services, serviceName);
  const servers = services.both.map(({ wanted, present }) => ({
    // Servers are found under the service as it is after its own edit.
    service: headOf(wanted),
    ...pair(wanted.servers, present.servers, serverName),
  }));
  const edits = servers.flatMap(({ service, both }) => both.flatMap(({ wanted, present }) => editServer(service, present, wanted)));
  return [
    ...editSettings(desired, actual),
    ...attachments(desired.attachments, actual.attachments),
    ...services.added.map((service): Change => ({ kind: "add-service", service })),
    ...servers.flatMap(({ service, added }) => added.map((server): Change => ({ kind: "add-server", service, server }))),
    ...services.both.flatMap(({ wanted, present }) => editService(present, wanted)),
    // Marks lead to services that are there by now, and no longer to those that will go.
    ...editMarks(desired.marks ?? [], actual.marks ?? []),
    // A server that begins to serve comes before one that ceases to.
    ...edits.filter(givesWeight),
    ...edits.filter((edit) => !givesWeight(edit)),
    ...servers.flatMap(({ service, deleted }) => deleted.map((server): Change => ({ kind: "delete-server", service, server }))),
    ...services.deleted.map((service): Change => ({ kind: "delete-service", service: headOf(service) })),
    ...detachments(desired.attachments, actual.attachments),
  ];
}

export function headOf(service: VirtualService): ServiceHead {
  const { servers: _servers, ...head } = service;
  return head;
}

/** Whether an interface is attached as wanted: "auto" is content with any hook. */
export function satisfies(present: Attachment, wanted: WantedAttachment): boolean {
  return present.interfaceName === wanted.interfaceName && (wanted.hook === "auto" || wanted.hook === present.hook);
}

type ServerEdit = Extract<Change, { kind: "edit-server" }>;

function editServer(service: ServiceHead, before: RealServer, after: RealServer): ServerEdit[] {
  return sameFacts(serverFacts(before), serverFacts(after)) ? [] : [{ kind: "edit-server", service, before, after }];
}

function editService(before: VirtualService, after: VirtualService): Change[] {
  const equal = sameFacts(serviceFacts(before), serviceFacts(after));
  return equal ? [] : [{ kind: "edit-service", before: headOf(before), after: headOf(after) }];
}

function editSettings(desired: DesiredState, actual: ActualState): Change[] {
  const before = settingsOf(actual);
  const after = settingsOf(desired);
  return sameFacts(settingsFacts(before), settingsFacts(after)) ? [] : [{ kind: "edit-settings", before, after }];
}

/** All rules together: the first that holds counts, so their order matters. */
export function editMarks(after: readonly MarkRule[], before: readonly MarkRule[]): Change[] {
  const equal = after.length === before.length && after.every((rule, i) => describeMark(rule) === describeMark(before[i] ?? { mark: 0 }));
  return equal ? [] : [{ kind: "edit-marks", before, after }];
}

function givesWeight({ before, after }: ServerEdit): boolean {
  return after.weight > before.weight;
}

/** An interface has one attachment; attaching it with another hook replaces the present one without a gap. */
function attachments(wanted: readonly WantedAttachment[], present: readonly Attachment[]): Change[] {
  const missing = wanted.filter((each) => !present.some((attachment) => satisfies(attachment, each)));
  return missing.map((attachment) => ({ kind: "attach", attachment }));
}

function detachments(wanted: readonly WantedAttachment[], present: readonly Attachment[]): Change[] {
  const names = new Set(wanted.map((each) => each.interfaceName));
  const surplus = present.filter((attachment) => !names.has(attachment.interfaceName));
  return surplus.map((attachment) => ({ kind: "detach", attachment }));
}

interface Paired<Thing> {
  readonly added: readonly Thing[];
  readonly both: readonly { readonly wanted: Thing; readonly present: Thing }[];
  readonly deleted: readonly Thing[];
}

function pair<Thing>(wanted: readonly Thing[], present: readonly Thing[], nameOf: (thing: Thing) => string): Paired<Thing> {
  const presentByName = new Map(present.map((thing) => [nameOf(thing), thing]));
  const wantedNames = new Set(wanted.map(nameOf));
  const added: Thing[] = [];
  const both: { wanted: Thing; present: Thing }[] = [];
  for (const thing of wanted) {
    const counterpart = presentByName.get(nameOf(thing));
    if (counterpart === undefined) added.push(thing);
    else both.push({ wanted: thing, present: counterpart });
  }
  return { added, both, deleted: present.filter((thing) => !wantedNames.has(nameOf(thing))) };
}
