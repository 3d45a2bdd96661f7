/** ipvsadm while a director runs: the same words and exit codes, and what it did is kept beside the configuration, or refused. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { GOOD } from "./apply/configurations.ts";
import type { Run } from "./apply/host.ts";
import { need } from "./need.ts";
import { directorsHostFor, Running } from "./run/running.ts";

const OWN = "-t 192.0.2.10:443";

function ipvsadm(director: Running, words: string, input = ""): Run {
  return director.host.evenkeel(["ipvsadm", ...words.split(" ")], { input });
}

function listed(director: Running): string {
  const run = ipvsadm(director, "-S -n");
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

describe("ipvsadm beside a director", () => {
  test("adds, edits and deletes through it; what was done is listed, shown in status, told, and forgotten when asked", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const director = await Running.start(host, host.write("evenkeel.yaml", GOOD));
    const configured = listed(director);
    for (const words of [
      `-A ${OWN} -s rr`,
      `-a ${OWN} -r 10.77.0.13 -g -w 2`,
      `-e ${OWN} -r 10.77.0.13 -g -w 4`,
      "-a -t 192.0.2.10:80 -r 10.77.0.14 -g",
    ]) {
      const run = ipvsadm(director, words);
      assert.deepEqual([run.status, run.stdout, run.stderr], [0, "", ""], words);
    }
    assert.equal(
      listed(director),
      `-A -t 192.0.2.10:80 -s wrr
-a -t 192.0.2.10:80 -r 10.77.0.11:80 -g -w 3
-a -t 192.0.2.10:80 -r 10.77.0.12:80 -g -w 1
-a -t 192.0.2.10:80 -r 10.77.0.14:80 -g -w 1
-A -t 192.0.2.10:443 -s rr
-a -t 192.0.2.10:443 -r 10.77.0.13:443 -g -w 4
`,
    );
    assert.match(director.mustVerb("status"), /^by hand +add /m);
    assert.match(director.mustVerb("adopted"), /192\.0\.2\.10:443 .*10\.77\.0\.13:443 dr weight 4/);
    assert.match(director.mustVerb("events", "--event", "edited"), /edited by hand: .*by uid 0\)\n$/);

    assert.match(director.mustVerb("adopted", "forget"), /the packet path is what the configuration says\n$/);
    assert.equal(listed(director), configured);
    assert.equal(director.mustVerb("adopted"), "nothing was changed by hand\n");
  });

  test("answers as without one: exists already, no such service, refused by name in a restore", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const director = await Running.start(host, host.write("evenkeel.yaml", GOOD));
    const cases: readonly [string, number, string][] = [
      ["-A -t 192.0.2.10:80", 255, "Service already exists\n"],
      ["-a -t 192.0.2.10:80 -r 10.77.0.11 -g", 255, "Destination already exists\n"],
      ["-d -t 192.0.2.10:80 -r 10.77.0.99", 255, "No such destination\n"],
      ["-D -t 192.0.2.99:80", 255, "No such service\n"],
      ["-A -t 192.0.2.10:81 -s nonsense", 255, "Scheduler or persistence engine not found\n"],
      ["-Z", 0, ""],
      ["--set 900 120 300", 0, ""],
    ];
    for (const [words, status, stderr] of cases)
      assert.deepEqual([ipvsadm(director, words).status, ipvsadm(director, words).stderr], [status, stderr], words);
    const before = listed(director);
    const restored = ipvsadm(director, "-R", "-A -t 192.0.2.10:90 -s rr\n-a -t 192.0.2.10:91 -r 10.77.0.11 -g\n");
    assert.equal(restored.status, 255);
    assert.match(restored.stderr, /^ipvsadm: line 2: Service not defined\n/);
    assert.equal(listed(director), before);
    assert.equal(ipvsadm(director, "-R", "-A -t 192.0.2.10:90 -s rr\n-a -t 192.0.2.10:90 -r 10.77.0.11 -g\n").status, 0);
    assert.match(listed(director), /-a -t 192\.0\.2\.10:90 -r 10\.77\.0\.11:90 -g -w 1/);
    assert.equal(ipvsadm(director, "-C").status, 0);
    assert.equal(listed(director), "");
    director.mustVerb("adopted", "forget");
    assert.equal(listed(director), before);
  });

  test("is refused where the configuration wants nothing by hand (by_hand: revert)", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const director = await Running.start(host, host.write("evenkeel.yaml", `director: { by_hand: revert }\n${GOOD}`));
    const before = listed(director);
    const run = ipvsadm(director, `-A ${OWN}`);
    assert.equal(run.status, 255);
    assert.match(run.stderr, /wants no changes by hand \(by_hand: revert\)\n {2}cure: /);
    assert.equal(listed(director), before);
  });

  test("works on the kernel as ever when the director was killed and its socket is dead", async (t) => {
    if (!need(t, "root", "command:ip")) return;
    const host = directorsHostFor(t);
    const director = await Running.start(host, host.write("evenkeel.yaml", GOOD));
    await director.kill();
    assert.deepEqual([ipvsadm(director, `-A ${OWN}`).status, ipvsadm(director, `-a ${OWN} -r 10.77.0.13 -g`).stderr], [0, ""]);
    assert.match(listed(director), /-a -t 192\.0\.2\.10:443 -r 10\.77\.0\.13:443 -g -w 1/);
    assert.match(host.evenkeel(["status"]).stdout, /^listens on eth0 \(tc\)\n/);
  });
});
