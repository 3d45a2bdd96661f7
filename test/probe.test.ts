/** `evenkeel probe` as people call it, and checks against servers that people run. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { look } from "../src/checker/checker.contract.ts";
import { CHECK_KINDS, checkers } from "../src/checker/index.ts";
import { makeCertificate } from "./check-peers/certificates.ts";
import { closedPort, listen, speak } from "./check-peers/listen.ts";
import { need } from "./need.ts";

const EVENKEEL = fileURLToPath(new URL("../bin/evenkeel", import.meta.url));

describe("evenkeel probe", () => {
  test("prints verdict, phase, duration and why, and ends with 0 or 1", async () => {
    const peer = await listen(createServer((request, response) => response.writeHead(request.url === "/health" ? 200 : 500).end("fine")));
    const target = `127.0.0.1:${peer.port}`;
    const well = await probe("http", target, "--set", "path=/health", "--set", "contains=fine", "--set", "status=200");
    assert.match(well.stdout, /^pass {2}127\.0\.0\.1:\d+ {2}match +\d+\.\d ms {2}status 200\n$/);
    assert.equal(well.code, 0);
    const ill = await probe("http", target, "--options", "{path: /other}");
    assert.match(ill.stdout, /^FAIL {2}127\.0\.0\.1:\d+ {2}match +\d+\.\d ms {2}the status is 500; good is 200-299, status 500\n$/);
    assert.equal(ill.code, 1);
    await peer.close();
  });
  test("says the same in JSON", async () => {
    const port = await closedPort();
    const { stdout, code } = await probe("tcp", `127.0.0.1:${port}`, "-o", "json");
    const said = JSON.parse(stdout) as { verdicts: { durationMs: number }[] };
    const [verdict] = said.verdicts;
    assert.deepEqual(said, {
      kind: "tcp",
      verdicts: [
        {
          target: `127.0.0.1:${port}`,
          phase: "connect",
          durationMs: verdict?.durationMs,
          details: {},
          outcome: "fail",
          reason: "connection refused",
        },
      ],
      servers: [{ target: `127.0.0.1:${port}`, condition: "down", weight: null }],
      quorum: false,
    });
    assert.equal(code, 1);
  });
  test("plays a service: rise, fall, quorum, who is up in the end", async () => {
    let answers = 0;
    const flapping = await speak((socket) => socket.end(answers++ === 1 ? "down\n" : "up 50%\n"));
    const closed = await closedPort();
    const args = ["--count", "4", "--interval", "100ms", "--fall", "2", "--quorum", "4", "--weight", "8"];
    const { stdout, code } = await probe("agent", `127.0.0.1:${flapping.port}`, `127.0.0.1:${closed}`, ...args);
    await flapping.close();
    assert.equal(stdout.match(/^(pass|FAIL)/gm)?.length, 8);
    assert.match(stdout, /pass .*weight 50 %, said up 50%\n {6}127\.0\.0\.1:\d+ is up\n {6}the quorum is reached\n/);
    assert.match(stdout, /127\.0\.0\.1:\d+ +up, weight 4\n127\.0\.0\.1:\d+ +down, out\nservice: the quorum is reached\n$/);
    assert.equal(code, 1);
  });
  test("ends with 2 when it is called wrongly, and says what would help", async () => {
    const wrong: [args: readonly string[], says: RegExp][] = [
      [["http", "127.0.0.1", "--set", "pth=/x"], /pth: unknown key; did you mean "path"\?/],
      [["icmp", "127.0.0.1"], /no kind of check "icmp"\n {2}cure: one of: tcp, http/],
      [["tcp", "127.0.0.1"], /which port\?/],
      [["tcp", "127.0.0.1:80", "--set", "port"], /sets nothing/],
      [["tcp", "127.0.0.1:80", "--options", "[1]"], /is not a mapping/],
      [["tcp", "127.0.0.1:80", "--timeout", "soon"], /a duration is 500ms/],
      [["tcp", "127.0.0.1:80", "--count", "0"], /not a whole number above 0/],
      [["tcp", "300.0.0.1:80"], /not an IPv4 or IPv6 address/],
    ];
    for (const [args, says] of wrong) {
      const { stderr, code } = await probe(...args);
      assert.match(stderr, says);
      assert.equal(code, 2, args.join(" "));
    }
  });
  test("takes texts that look like numbers, headers by name, names and IPv6", async () => {
    const peer = await listen(
      createServer((request, response) => response.end(`200 ${String(request.headers["x-a.b"])}`)),
      "::1",
    );
    const set = (...pairs: string[]) => pairs.flatMap((pair) => ["--set", pair]);
    const { stdout, code } = await probe("http", `[::1]:${peer.port}`, ...set("contains=200", "headers.X-A.b=7", "version=1.1"));
    assert.equal(code, 0, stdout);
    assert.equal(
      (await probe("http", "localhost", ...set(`port=${peer.port}`, "address=::1", "matches=^200 7$", "headers.X-A.b=7"))).code,
      0,
    );
    await peer.close();
  });
  test("lists every kind and every option in its help", async () => {
    const { stdout } = await probe("--help");
    for (const kind of CHECK_KINDS) {
      assert.match(stdout, new RegExp(`^ {2}${kind} `, "m"));
      for (const key of Object.keys(checkers[kind].shape)) assert.match(stdout, new RegExp(`\\b${key}\\b`), `${kind}: ${key}`);
    }
  });
});

describe("checks of servers that people run:", () => {
  test("nginx, by HTTP/1.1, HTTPS and HTTP/2", async (t) => {
    if (!need(t, "root", "command:nginx")) return;
    await inDirectory(async (directory) => {
      const [plain, secure] = [await closedPort(), await closedPort()];
      const { certificate, key } = makeCertificate("www.example.org", { names: ["www.example.org"] });
      writeFileSync(join(directory, "cert.pem"), certificate);
      writeFileSync(join(directory, "key.pem"), key);
      writeFileSync(
        join(directory, "nginx.conf"),
        `daemon off; pid ${directory}/pid; error_log ${directory}/error.log; events {}
         http { access_log off;
           server { listen 127.0.0.1:${plain};
             location /ill { return 503 "ill\\n"; } location / { return 200 "well\\n"; } }
           server { listen 127.0.0.1:${secure} ssl http2; ssl_certificate ${directory}/cert.pem; ssl_certificate_key ${directory}/key.pem;
             location / { return 200 "$server_protocol $host\\n"; } } }`,
      );
      await whileRunning(["nginx", "-e", join(directory, "error.log"), "-c", join(directory, "nginx.conf")], secure, async () => {
        assert.equal((await look("http", "127.0.0.1", plain, { matches: "^well\n$" })).outcome, "pass");
        assert.equal((await look("http", "127.0.0.1", plain, { path: "/ill" })).outcome, "fail");
        const trusted = { server_name: "www.example.org", ca: join(directory, "cert.pem"), verify: true, host: "www.example.org" };
        assert.equal((await look("https", "127.0.0.1", secure, { ...trusted, contains: "HTTP/1.1 www" })).outcome, "pass");
        assert.equal((await look("https", "127.0.0.1", secure, { ...trusted, version: 2, contains: "HTTP/2.0 www" })).outcome, "pass");
        assert.equal((await look("https", "127.0.0.1", secure, { ...trusted, server_name: "a.example.org" })).outcome, "fail");
        assert.equal((await look("tls", "127.0.0.1", secure, { days_left: 30 })).outcome, "pass");
      });
    });
  });
  test("HAProxy takes the same words of an agent as we do", async (t) => {
    if (!need(t, "root", "command:haproxy")) return;
    await inDirectory(async (directory) => {
      const front = await closedPort();
      let said = "up 75%\n";
      const agent = await speak((socket) => socket.end(said));
      const server = await speak(() => undefined);
      const stats = join(directory, "stats");
      writeFileSync(
        join(directory, "haproxy.cfg"),
        `global\n  stats socket ${stats}\ndefaults\n  mode tcp\n  timeout connect 1s\n  timeout client 1s\n  timeout server 1s
listen web\n  bind 127.0.0.1:${front}
  server s1 127.0.0.1:${server.port} weight 100 check inter 50ms agent-check agent-port ${agent.port} agent-inter 50ms\n`,
      );
      try {
        await whileRunning(["haproxy", "-db", "-f", join(directory, "haproxy.cfg")], front, async () => {
          const wanted: [line: string, status: RegExp, weight: string, outcome: string][] = [
            ["up 75%\n", /^UP/, "75", "pass"],
            ["down # broken\n", /^DOWN/, "75", "fail"],
            ["up 20%\n", /^UP/, "20", "pass"],
            ["drain\n", /^DRAIN/, "20", "pass"],
            ["ready up 100%\n", /^UP/, "100", "pass"],
            ["maint\n", /^MAINT/, "100", "pass"],
          ];
          for (const [line, status, weight, outcome] of wanted) {
            said = line;
            await until(async () => {
              const found = await haproxyServer(stats);
              return status.test(found.status) && found.weight === weight
                ? undefined
                : `${line.trim()}: HAProxy has ${JSON.stringify(found)}`;
            });
            assert.equal((await look("agent", "127.0.0.1", agent.port)).outcome, outcome, line);
          }
        });
      } finally {
        await Promise.all([agent.close(), server.close()]);
      }
    });
  });
});

function probe(...args: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string; readonly code: number }> {
  return new Promise((done) => {
    const child = execFile(EVENKEEL, ["probe", ...args], { env: { ...process.env, NO_COLOR: "1" } }, (_, stdout, stderr) =>
      done({ stdout, stderr, code: child.exitCode ?? -1 }),
    );
  });
}

async function inDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "evenkeel-probe-"));
  try {
    await use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function whileRunning([program = "", ...args]: readonly string[], port: number, use: () => Promise<void>): Promise<void> {
  const child = spawn(program, args, { stdio: "ignore" });
  const ended = new Promise((done) => child.once("exit", done));
  try {
    await until(async () => ((await look("tcp", "127.0.0.1", port)).outcome === "pass" ? undefined : `${program} does not listen`));
    await use();
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

/** Until it has nothing to complain about. */
async function until(complaint: () => Promise<string | undefined>): Promise<void> {
  const startMs = performance.now();
  for (let found = await complaint(); found !== undefined; found = await complaint()) {
    if (performance.now() - startMs > 10_000) assert.fail(found);
    await sleep(20);
  }
}

async function haproxyServer(stats: string): Promise<{ readonly status: string; readonly weight: string }> {
  const text = await new Promise<string>((done, fail) => {
    let read = "";
    connect(stats)
      .on("connect", function (this: import("node:net").Socket) {
        this.write("show stat\n");
      })
      .on("data", (piece) => {
        read += piece.toString();
      })
      .on("error", fail)
      .on("close", () => done(read));
  });
  const [titles = [], ...rows] = text.split("\n").map((line) => line.replace(/^# /, "").split(","));
  const row = rows.find((cells) => cells[titles.indexOf("svname")] === "s1") ?? [];
  return { status: row[titles.indexOf("status")] ?? "", weight: row[titles.indexOf("weight")] ?? "" };
}
