/** A stage of its own for one file's questions to `explain`: for each test these services alone, and the settings as they are at first. */

import { after, type TestContext } from "node:test";
import { DEFAULT_SETTINGS, type DirectorSettings } from "../../src/model/plane.ts";
import type { VirtualService } from "../../src/model/service.ts";
import { need } from "../need.ts";
import { Stage } from "../packet-rows/stage.ts";

let shared: Stage | undefined;
after(() => shared?.close());

export function onStage(t: TestContext, services: readonly VirtualService[], work: (stage: Stage) => void): void {
  if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs", "xdp-native-veth")) return;
  shared ??= new Stage({ connectionsMax: 1000 });
  const stage = shared;
  stage.inside(() => {
    stage.clear();
    settings(stage, {});
    for (const each of services) stage.plane.apply({ kind: "add-service", service: each });
    stage.settle();
    work(stage);
  });
}

export function settings(stage: Stage, facts: Partial<DirectorSettings>): void {
  const before = stage.plane.read().settings ?? DEFAULT_SETTINGS;
  stage.plane.apply({ kind: "edit-settings", before, after: { ...DEFAULT_SETTINGS, ...facts } });
}
