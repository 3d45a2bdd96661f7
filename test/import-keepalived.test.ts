/**
 * Configurations of keepalived's, and what the kernel's IPVS held once keepalived 2.2.7 had loaded each (test/golden/keepalived/README.md): with the
 * same services made by ipvsadm, the imported configuration has nothing to change. The account of each import is compared to the byte.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { checkKindsElsewhere } from "../src/checker/check-kinds.ts";
import { importIpvsadm } from "../src/cli/import/ipvsadm-rules.ts";
import { includeFiles } from "../src/cli/import/keepalived-files.ts";
import { systemNames } from "../src/cli/ipvsadm/names.ts";
import { save } from "../src/cli/ipvsadm/save.ts";
import { formatComplaint } from "../src/config/complaint.ts";
import { formatReport, type Imported } from "../src/config/import-report.ts";
import { importKeepalived } from "../src/config/keepalived/import.ts";
import { requireConfiguration } from "../src/config/parse.ts";
import { plainService } from "../src/config/to-desired.ts";
import { writeYaml } from "../src/config/write-yaml.ts";
import { applyConfiguration, inspect } from "../src/director/apply.ts";
import { addAddress } from "../src/kernel/addresses.ts";
import { addLink, changeLink, getLink } from "../src/kernel/links.ts";
import { formatAddress, parseAddress } from "../src/model/address.ts";
import { describeChange } from "../src/reconcile/describe-change.ts";
import { OwnNamespace } from "./ipvsadm/own-namespace.ts";
import { need } from "./need.ts";

const GOLDEN = fileURLToPath(new URL("golden/keepalived/", import.meta.url));
const IPVSADM = fileURLToPath(new URL("../bin/ipvsadm", import.meta.url));
const CASES = readdirSync(GOLDEN, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name)
  .toSorted();
/** UPDATE=1 writes the accounts anew. */
const UPDATE = process.env["UPDATE"] === "1";

/** Where all real servers of the recordings are neighbours. */
const NETWORKS = ["10.255.255.254/8", "fd00:ffff::1/16"];

for (const name of CASES) {
  test(`${name} is imported with its account`, () => {
    const imported = importCase(name);
    assert.deepEqual(imported.mistakes.map(formatComplaint), []);
    const remarks = imported.remarks.map((remark) => `remark: ${formatComplaint(remark)}\n`).join("");
    const account = `${formatReport("keepalived.conf", imported)}${remarks}`;
    const file = join(GOLDEN, name, "report.txt");
    if (UPDATE) writeFileSync(file, account);
    assert.equal(account, readFileSync(file, "utf8"));
    const yaml = join(GOLDEN, name, "evenkeel.yaml");
    const text = writeYaml(imported.value, { comments: imported.origins });
    if (UPDATE) writeFileSync(yaml, text);
    assert.equal(text, readFileSync(yaml, "utf8"));
    requireConfiguration(text, "evenkeel.yaml", checkKindsElsewhere);
  });

  inNamespace(`${name} has nothing to change where the kernel holds what keepalived made`, async () => {
    const file = read(importCase(name));
    const { configuration } = file;
    const vips = configuration.services.filter(({ mark }) => !mark).map(({ address }) => address);
    addEthernet("eth0", [...NETWORKS, ...vips.map((vip) => `${formatAddress(vip)}/${vip.family === "ipv4" ? 32 : 128}`)]);
    // The pair has its servers on a network of their own.
    if (configuration.instances.some(({ interfaceName }) => interfaceName === "eth1")) addEthernet("eth1", ["10.13.0.254/24"]);
    restore(originalCommands(name));
    assert.deepEqual(await wouldChange(file), []);
    // And by the way of ipvsadm: the same.
    const rules = importIpvsadm(originalCommands(name), "rules", systemNames());
    assert.deepEqual(rules.mistakes, []);
    assert.deepEqual(await wouldChange(read(rules)), []);
    // Once it is applied in earnest the kernel lists what it listed before.
    await applyConfiguration(configuration, file.source);
    const services = (await inspect((plane) => plane.read().services)) ?? [];
    assert.equal(save(services), recorded(name, "ipvsadm-save.txt"));
    assert.equal(save(configuration.services.map(plainService)), recorded(name, "ipvsadm-save.txt"));
  });
}

function importCase(name: string): Imported {
  const home = process.cwd();
  // So that the files are named as an operator beside them would.
  process.chdir(join(GOLDEN, name));
  try {
    return importKeepalived(
      { fileName: "keepalived.conf", text: readFileSync("keepalived.conf", "utf8") },
      { configId: "lb1", include: includeFiles },
    );
  } finally {
    process.chdir(home);
  }
}

type Read = ReturnType<typeof requireConfiguration>;

function read({ value, origins }: Imported): Read {
  return requireConfiguration(writeYaml(value, { comments: origins }), "evenkeel.yaml", checkKindsElsewhere);
}

/** What was saved, and what ipvsadm's -S does not say: thresholds, as its list shows them, and timeouts. */
function originalCommands(name: string): string {
  const saved = recorded(name, "ipvsadm-save.txt");
  const [, tcp, fin, udp] = /(\d+) (\d+) (\d+)/.exec(recorded(name, "ipvsadm-timeouts.txt")) ?? [];
  const thresholds = thresholdsIn(recorded(name, "ipvsadm-thresholds.txt"));
  const lines = saved.split("\n").map((line) => {
    const [option, service, , server] = line.split(" ").slice(1);
    const found = thresholds.get(`${service} ${server}`);
    return option === undefined || found === undefined ? line : `${line} -x ${found.upper} -y ${found.lower}`;
  });
  return `--set ${tcp} ${fin} ${udp}\n${lines.join("\n")}`;
}

function thresholdsIn(list: string): Map<string, { readonly upper: string; readonly lower: string }> {
  const found = new Map<string, { upper: string; lower: string }>();
  let service = "";
  for (const line of list.split("\n")) {
    const words = line.trim().split(/\s+/);
    if (/^(TCP|UDP|SCTP|FWM)$/.test(words[0] ?? "")) service = words[1] ?? "";
    const [arrow, server = "", upper = "0", lower = "0"] = words;
    if (arrow === "->" && /^\d+$/.test(upper) && upper !== "0") found.set(`${service} ${server}`, { upper, lower });
  }
  return found;
}

function restore(lines: string): void {
  const { status, stdout, stderr } = spawnSync(IPVSADM, ["-R"], { encoding: "utf8", input: lines, timeout: 30_000 });
  assert.deepEqual([status, stdout, stderr], [0, "", ""]);
}

/** Where it listens, too. */
async function wouldChange({ configuration, source }: Read): Promise<readonly string[]> {
  const { changes } = await applyConfiguration(configuration, source, { dryRun: true });
  return changes.map(describeChange);
}

/** With one end only: a bridge without ports. */
function addEthernet(name: string, addresses: readonly string[]): void {
  addLink({ kind: "bridge", name });
  changeLink(name, { up: true });
  for (const address of new Set(addresses)) {
    const [host = "", length] = address.split("/");
    addAddress({ interfaceIndex: getLink(name).index, address: parseAddress(host), prefixLength: Number(length), noDad: true });
  }
}

function recorded(name: string, file: string): string {
  const path = join(GOLDEN, name, file);
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function inNamespace(promise: string, body: (t: TestContext) => Promise<void>): void {
  test(promise, { timeout: 60_000 }, async (t) => {
    if (!need(t, "root", "bpf", "bpf-loop", "syscall-programs")) return;
    const namespace = OwnNamespace.make();
    try {
      await body(t);
    } finally {
      await namespace.leave();
    }
  });
}
