/** Who gets in: by the unix socket root and one group, over TCP who has the token, and TLS wherever others could listen. */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createConnection, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DirectorClient } from "../src/api/client.ts";
import { serveApi } from "../src/api/server.ts";
import { MemoryDirector } from "./api/memory-director.ts";
import { ask, RULE, serve, temporaryDirectory } from "./api/served.ts";
import { need } from "./need.ts";

const TOKEN = "a-token-of-some-length";
/** Nobody's group has no meaning here: 4242 and 4343 are no users of this machine. */
const GROUP = "4343";

/** `curl` as another user; its exit code is 7 when it may not connect. */
async function curlAs(user: readonly string[], socket: string, path: string): Promise<{ code: number | null; said: string }> {
  const curl = spawn("setpriv", [
    ...user,
    "curl",
    "--silent",
    "--show-error",
    "--max-time",
    "5",
    "--unix-socket",
    socket,
    `http://director${path}`,
  ]);
  let said = "";
  curl.stdout.on("data", (piece) => (said += piece));
  curl.stderr.on("data", (piece) => (said += piece));
  const code = await new Promise<number | null>((resolve) => curl.on("close", resolve));
  return { code, said };
}

/** So many requests in one piece, the last of which asks for the end; how many of them are answered. */
async function pipelined(socket: string, requests: number): Promise<number> {
  const connection = createConnection(socket);
  const ask = (last: boolean) => `GET /healthz HTTP/1.1\r\nhost: director\r\n${last ? "connection: close\r\n" : ""}\r\n`;
  connection.write(Array.from({ length: requests }, (_, i) => ask(i === requests - 1)).join(""));
  let said = "";
  connection.on("data", (piece) => (said += piece.toString()));
  connection.on("error", () => undefined);
  await new Promise((resolve) => connection.once("close", resolve));
  return said.split("HTTP/1.1 200").length - 1;
}

const STRANGER = ["--reuid=4242", "--regid=4242", "--clear-groups"];
const MEMBER = ["--reuid=4242", "--regid=4242", `--groups=${GROUP}`];

describe("the unix socket", () => {
  test("is root's and its group's: 0660 from the moment that it exists", async (t) => {
    if (!need(t, "root")) return;
    const { server } = await serve(t, new MemoryDirector(), { ...RULE, group: GROUP });
    const { mode, uid, gid } = statSync(server.socket);
    assert.deepEqual([(mode & 0o777).toString(8), uid, gid], ["660", 0, Number(GROUP)]);
  });

  test("refuses other users, and lets the group's members in by their own name", async (t) => {
    if (!need(t, "root", "command:curl")) return;
    const director = new MemoryDirector(
      "services: [{ name: web, address: 192.0.2.1, port: 80, scheduler: rr, method: nat, servers: [{ address: 10.0.0.1, port: 80 }] }]",
    );
    const { server, directory, client } = await serve(t, director, { ...RULE, group: GROUP });
    chmodSync(directory, 0o755);
    const stranger = await curlAs(STRANGER, server.socket, "/v1/status");
    assert.equal(stranger.code, 7, stranger.said);
    const member = await curlAs(MEMBER, server.socket, "/v1/status");
    assert.equal(member.code, 0, member.said);
    assert.match(member.said, /"ready":true/);
    await client.override({ server: "10.0.0.1" }, { kind: "disable" });
    assert.equal(director.askers.at(-1)?.by, "uid 0");
    const asMember = ["-X", "POST", "-H", "content-type: application/json", "-d", '{"server":"10.0.0.1","kind":"drain"}'];
    const spoken = spawn("setpriv", [...MEMBER, "curl", "-s", "--unix-socket", server.socket, ...asMember, "http://director/v1/overrides"]);
    await new Promise((resolve) => spoken.on("close", resolve));
    assert.equal(director.askers.at(-1)?.by, "uid 4242");
  });

  test("is there again, with its mode and its group, after somebody took the file away", async (t) => {
    if (!need(t, "root")) return;
    const { server, client } = await serve(t, new MemoryDirector(), { ...RULE, group: GROUP });
    for (let times = 0; times < 2; times++) {
      rmSync(server.socket);
      for (let waited = 0; !existsSync(server.socket) && waited < 100; waited++) await sleep(50);
      const { mode, gid } = statSync(server.socket);
      assert.deepEqual([(mode & 0o777).toString(8), gid], ["660", Number(GROUP)]);
      assert.ok((await client.status()).ready);
    }
  });

  test("answers a few requests that come at once on a connection, and cuts one with a flood of them", async (t) => {
    const { server } = await serve(t, new MemoryDirector());
    assert.equal(await pipelined(server.socket, 10), 10);
    assert.ok((await pipelined(server.socket, 500)) < 500);
  });

  test("tells a stranger's typed client that it is not permitted, and nobody's that no director is there", async (t) => {
    if (!need(t, "root")) return;
    const { server, directory } = await serve(t, new MemoryDirector());
    chmodSync(directory, 0o755);
    const module = new URL("../src/api/client.ts", import.meta.url).href;
    const program = `import(${JSON.stringify(module)}).then(({ DirectorClient }) => new DirectorClient({ socket: process.argv[1] }).status()).catch((error) => console.log(error.code));`;
    const asks = async (socket: string) => {
      const child = spawn("setpriv", ["--clear-groups", "--reuid=4242", "--regid=4242", process.execPath, "-e", program, socket]);
      let said = "";
      child.stdout.on("data", (piece) => (said += piece));
      await new Promise((resolve) => child.on("close", resolve));
      return said.trim();
    };
    if (!readableByAll(module)) return t.skip("the sources cannot be read by others on this machine");
    assert.equal(await asks(server.socket), "NOT_PERMITTED");
    await assert.rejects(new DirectorClient({ socket: join(directory, "none.sock") }).status(), { code: "DIRECTOR_AWAY" });
  });

  test("of a dead director is replaced, of a living one is not", async (t) => {
    const directory = temporaryDirectory(t);
    const socket = join(directory, "api.sock");
    const killed = spawnSync(process.execPath, [
      "-e",
      `require("net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, "SIGKILL"))`,
    ]);
    assert.equal(killed.signal, "SIGKILL");
    assert.ok(statSync(socket).isSocket());
    const first = await serveApi(new MemoryDirector(), RULE, { socket });
    await assert.rejects(serveApi(new MemoryDirector(), RULE, { socket }), { code: "CONFLICT" });
    assert.equal((await new DirectorClient({ socket }).status()).ready, true);
    await first.close();
    await assert.rejects(new DirectorClient({ socket }).status(), { code: "DIRECTOR_AWAY" });
    const second = await serveApi(new MemoryDirector(), RULE, { socket });
    await second.close();
  });

  test("is not made where others could put one of their own, nor in the place of a file", async (t) => {
    const directory = temporaryDirectory(t);
    mkdirSync(join(directory, "open"));
    chmodSync(join(directory, "open"), 0o777);
    await assert.rejects(serveApi(new MemoryDirector(), RULE, { socket: join(directory, "open", "api.sock") }), { code: "NOT_PERMITTED" });
    writeFileSync(join(directory, "file"), "precious");
    await assert.rejects(serveApi(new MemoryDirector(), RULE, { socket: join(directory, "file") }), { code: "CONFLICT" });
    symlinkSync("/nowhere", join(directory, "link"));
    await assert.rejects(serveApi(new MemoryDirector(), RULE, { socket: join(directory, "link") }), { code: "CONFLICT" });
    await assert.rejects(serveApi(new MemoryDirector(), { ...RULE, group: "no-such-group" }, { socket: join(directory, "a.sock") }), {
      code: "NOT_FOUND",
    });
  });

  test("makes its directory for itself alone to write in", async (t) => {
    const directory = join(temporaryDirectory(t), "run", "net-1");
    const before = process.umask(0);
    try {
      const server = await serveApi(new MemoryDirector(), RULE, { socket: join(directory, "api.sock") });
      assert.equal(statSync(directory).mode & 0o777, 0o755);
      await server.close();
    } finally {
      process.umask(before);
    }
  });
});

describe("TCP", () => {
  function ruleFor(directory: string, address = "127.0.0.1") {
    const tokenFile = join(directory, "token");
    writeFileSync(tokenFile, `${TOKEN}\n`, { mode: 0o600 });
    return { ...RULE, tcp: { address, port: 0, tokenFile } };
  }

  test("is closed unless the configuration opens it", async (t) => {
    const { server } = await serve(t, new MemoryDirector());
    assert.equal(server.tcp, undefined);
  });

  test("asks for the token at every door of it", async (t) => {
    const { server } = await serve(t, new MemoryDirector(), ruleFor(temporaryDirectory(t)));
    const port = server.tcp?.port ?? 0;
    for (const path of ["/v1/status", "/healthz", "/metrics", "/openapi.json", "/nothing", "/v1/events/stream"]) {
      const none = await ask({ port }, { path });
      assert.equal(none.status, 401, path);
      assert.match(String(none.headers["www-authenticate"]), /^Bearer/);
      for (const wrong of ["Bearer wrong-token-of-some-length", `Bearer ${TOKEN}x`, `Basic ${TOKEN}`, "Bearer", TOKEN]) {
        assert.equal((await ask({ port }, { path, headers: { authorization: wrong } })).status, 401, wrong);
      }
    }
    const good = await ask({ port }, { path: "/v1/status", headers: { authorization: `Bearer ${TOKEN}` } });
    assert.equal(good.status, 200);
    const client = new DirectorClient({ url: `http://127.0.0.1:${port}`, token: TOKEN });
    assert.equal((await client.status()).ready, true);
    await assert.rejects(new DirectorClient({ url: `http://127.0.0.1:${port}`, token: "nope" }).status(), { code: "NOT_PERMITTED" });
  });

  test("looks at no body before the token", async (t) => {
    const { server } = await serve(t, new MemoryDirector(), ruleFor(temporaryDirectory(t)));
    const body = " ".repeat(8 * 1024 * 1024);
    const headers = { "content-type": "application/yaml" };
    const answered = await ask({ port: server.tcp?.port ?? 0 }, { method: "PUT", path: "/v1/configuration", headers, body }).catch(
      (error: NodeJS.ErrnoException) => ({ status: error.code === "EPIPE" || error.code === "ECONNRESET" ? 401 : 0 }),
    );
    assert.equal(answered.status, 401);
  });

  test("takes up a new token, and lets nobody in while there is none", async (t) => {
    const rule = ruleFor(temporaryDirectory(t));
    const { server } = await serve(t, new MemoryDirector(), rule);
    const status = async (token: string) =>
      (await ask({ port: server.tcp?.port ?? 0 }, { path: "/healthz", headers: { authorization: `Bearer ${token}` } })).status;
    assert.equal(await status(TOKEN), 200);
    writeFileSync(rule.tcp.tokenFile, "another-token-of-some-length\n");
    assert.deepEqual([await status(TOKEN), await status("another-token-of-some-length")], [401, 200]);
    writeFileSync(rule.tcp.tokenFile, "\n");
    assert.deepEqual([await status(""), await status("another-token-of-some-length")], [401, 401]);
    writeFileSync(rule.tcp.tokenFile, TOKEN);
    chmodSync(rule.tcp.tokenFile, 0o644);
    assert.equal(await status(TOKEN), 401);
    chmodSync(rule.tcp.tokenFile, 0o640);
    assert.equal(await status(TOKEN), 200);
  });

  test("does not open without TLS where others could listen, nor with a token that others can read or guess", async (t) => {
    const directory = temporaryDirectory(t);
    const socket = join(directory, "api.sock");
    const other =
      Object.values(networkInterfaces())
        .flat()
        .find((one) => one?.internal === false && one.family === "IPv4")?.address ?? "192.0.2.1";
    for (const address of ["0.0.0.0", "::", other]) {
      await assert.rejects(serveApi(new MemoryDirector(), ruleFor(directory, address), { socket }), (error: Error & { cure: string }) => {
        assert.match(error.message, /does not listen at .* without TLS/);
        assert.match(error.cure, /api\.tcp\.certificate/);
        return true;
      });
    }
    const rule = ruleFor(directory);
    chmodSync(rule.tcp.tokenFile, 0o644);
    await assert.rejects(serveApi(new MemoryDirector(), rule, { socket }), { code: "NOT_PERMITTED" });
    chmodSync(rule.tcp.tokenFile, 0o600);
    writeFileSync(rule.tcp.tokenFile, "short\n");
    await assert.rejects(serveApi(new MemoryDirector(), rule, { socket }), { code: "BAD_ARGUMENT" });
    await assert.rejects(
      serveApi(new MemoryDirector(), { ...RULE, tcp: { ...rule.tcp, tokenFile: join(directory, "none") } }, { socket }),
      { code: "NOT_FOUND" },
    );
    await assert.rejects(serveApi(new MemoryDirector(), { ...RULE, tcp: { ...rule.tcp, certificate: "x" } }, { socket }), {
      code: "BAD_ARGUMENT",
    });
    // What refused to open has left nothing open.
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(socket, resolve));
    taken.close();
  });

  test("speaks TLS with the certificate that it was given", async (t) => {
    const directory = temporaryDirectory(t);
    const [certificate, key] = [join(directory, "cert.pem"), join(directory, "key.pem")];
    const made = spawnSync("openssl", [
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=director",
      "-addext",
      "subjectAltName=IP:127.0.0.1",
      "-keyout",
      key,
      "-out",
      certificate,
    ]);
    assert.equal(made.status, 0, made.stderr.toString());
    const rule = ruleFor(directory, "0.0.0.0");
    const { server } = await serve(t, new MemoryDirector(), { ...RULE, tcp: { ...rule.tcp, certificate, key } });
    const port = server.tcp?.port ?? 0;
    const certificateAuthority = readFileSync(certificate, "utf8");
    const client = new DirectorClient({ url: `https://127.0.0.1:${port}`, token: TOKEN, certificateAuthority });
    assert.equal((await client.status()).ready, true);
    await assert.rejects(new DirectorClient({ url: `https://127.0.0.1:${port}`, token: TOKEN }).status(), { code: "DIRECTOR_AWAY" });
    const old = request({ host: "127.0.0.1", port, ca: certificateAuthority, minVersion: "TLSv1.1", maxVersion: "TLSv1.1", agent: false });
    await assert.rejects(new Promise((resolve, reject) => old.on("response", resolve).on("error", reject).end()));
  });

  test("follows another configuration without touching the socket", async (t) => {
    const rule = ruleFor(temporaryDirectory(t));
    const { server, client } = await serve(t, new MemoryDirector());
    await server.renew(rule);
    const port = server.tcp?.port ?? 0;
    assert.equal((await ask({ port }, { path: "/healthz", headers: { authorization: `Bearer ${TOKEN}` } })).status, 200);
    await server.renew(RULE);
    assert.equal(server.tcp, undefined);
    await assert.rejects(ask({ port }, { path: "/healthz" }), { code: "ECONNREFUSED" });
    assert.equal((await client.status()).ready, true);
  });
});

/** As a checkout in somebody's home may not be. */
function readableByAll(module: string): boolean {
  const tried = spawnSync("setpriv", [
    "--clear-groups",
    "--reuid=4242",
    "--regid=4242",
    process.execPath,
    "-e",
    `import(${JSON.stringify(module)})`,
  ]);
  return tried.status === 0;
}
