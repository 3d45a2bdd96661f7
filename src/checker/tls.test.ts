import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { createSecureContext, createServer, type TlsOptions } from "node:tls";
import { type Identity, inDays, makeAuthority, makeCertificate } from "../../test/check-peers/certificates.ts";
import { listen, type Peer, speak } from "../../test/check-peers/listen.ts";
import { speakSmtp } from "../../test/check-peers/smtp-peer.ts";
import { look, withPeer } from "./checker.contract.ts";
import { CheckOptionsError } from "./checker.ts";
import { prepareCheck } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "evenkeel-tls-"));
after(() => rmSync(directory, { recursive: true }));

const authority = makeAuthority();
const ca = file("ca.pem", authority.certificate);
const good = authority.issue("www.example.org", { names: ["www.example.org", "127.0.0.1"], until: inDays(20.5) });
const trusted = { ca, verify: true, server_name: "www.example.org" };

describe("a TLS check", () => {
  const cases: [name: string, identity: Identity, options: object, reason: RegExp | undefined][] = [
    ["a certificate that holds", good, trusted, undefined],
    ["one for the address, when no name is given", good, { ca, verify: true }, undefined],
    ["one for another name", good, { ...trusted, server_name: "shop.example.org" }, /not to be trusted: .*shop\.example\.org/],
    ["one of an unknown authority", good, { verify: true, server_name: "www.example.org" }, /its authority is not known/],
    ["one signed by itself", makeCertificate("www.example.org", { names: ["www.example.org"] }), trusted, /it is signed by itself/],
    ["one that has expired", authority.issue("x", { names: ["www.example.org"], until: inDays(-3) }), trusted, /it has expired/],
    ["one that is not valid yet", authority.issue("x", { names: ["www.example.org"], from: inDays(3) }), trusted, /it is not valid yet/],
    ["any of these, when it is not verified", makeCertificate("x", { until: inDays(-3) }), {}, undefined],
    ["one that is good for long enough", good, { days_left: 20 }, undefined],
    ["one that is not", good, { days_left: 21 }, /^the certificate is good for 20 more days only$/],
    [
      "one that ended, though not verified",
      makeCertificate("x", { until: inDays(-2.5) }),
      { days_left: 1 },
      /^the certificate ended 3 days ago$/,
    ],
  ];
  for (const [name, identity, options, reason] of cases)
    test(`of ${name} ${reason === undefined ? "passes" : "fails"}`, () => withPeer(tlsPeer(identity), "tls", options, reason));

  test("notes the days that are left", async () => {
    const peer = await tlsPeer(good);
    const { details } = await look("tls", "127.0.0.1", peer.port);
    await peer.close();
    assert.deepEqual(details, { tls: "TLSv1.3", daysLeft: 20 });
  });
  test("asks for the name it is told to", async () => {
    let asked: string | undefined;
    const peer = tlsPeer(good, {
      SNICallback: (name, done) => {
        asked = name;
        done(null, createSecureContext({ cert: good.certificate, key: good.key }));
      },
    });
    await withPeer(peer, "tls", { server_name: "www.example.org" }, undefined);
    assert.equal(asked, "www.example.org");
  });
  test("fails where TLS is not spoken, is cut off, or is refused", async () => {
    await withPeer(
      speak((socket) => socket.write("220 hello\r\n")),
      "tls",
      {},
      /does not speak TLS here/,
    );
    await withPeer(
      speak((socket) => socket.once("data", () => socket.end())),
      "tls",
      {},
      /closed the connection during the TLS handshake/,
    );
    await withPeer(
      speak((socket) => socket.once("data", () => socket.resetAndDestroy())),
      "tls",
      {},
      /connection reset|before secure TLS/,
    );
    await withPeer(tlsPeer(good, { maxVersion: "TLSv1.1", minVersion: "TLSv1" }), "tls", {}, /./);
  });
  test("fails at its deadline when the handshake has no end", () =>
    withPeer(
      speak(() => undefined),
      "tls",
      {},
      /the TLS handshake was not over within/,
      undefined,
      AbortSignal.timeout(60),
    ));
});

describe("an HTTPS check", () => {
  const own = authority.issue("evenkeel");
  const [certificate, key] = [file("own.pem", own.certificate), file("own.key", own.key)];
  const wanting = () => httpsPeer({ requestCert: true, rejectUnauthorized: true, ca: authority.certificate });

  test("shows its certificate to a server that wants one", () => withPeer(wanting(), "https", { certificate, key }, undefined));
  test("fails there without one", () => withPeer(wanting(), "https", {}, /wants a certificate of ours|connection reset|too early/));
  test("says which files cannot be used", () => {
    const mistakes = (options: object): string[] => {
      try {
        prepareCheck("https", options);
        return [];
      } catch (error) {
        assert.ok(error instanceof CheckOptionsError);
        return error.mistakes.map(({ path, text }) => `${path.join(".")}: ${text}`);
      }
    };
    assert.match(mistakes({ ca: "/nowhere/ca.pem" }).join(), /^ca: "\/nowhere\/ca.pem" cannot be read: ENOENT/);
    assert.match(mistakes({ certificate }).join(), /^certificate: it needs its key too$/);
    assert.match(mistakes({ key }).join(), /^key: it needs its certificate too$/);
    assert.match(
      mistakes({ certificate, key: file("other.key", makeCertificate("x").key) }).join(),
      /^certificate: not usable: .*mismatch/i,
    );
  });
});

describe("an SMTP check with STARTTLS", () => {
  const identity = { cert: good.certificate, key: good.key };
  test("passes, certificate and all", () => withPeer(speak(speakSmtp(identity)), "smtp", { starttls: true, ...trusted }, undefined));
  test("fails where it is not offered", () => withPeer(speak(speakSmtp()), "smtp", { starttls: true }, /does not offer STARTTLS/));
  test("fails when the certificate does not hold", () =>
    withPeer(speak(speakSmtp(identity)), "smtp", { starttls: true, ...trusted, server_name: "mail.example.org" }, /not to be trusted/));
  test("fails when clear text follows the answer to STARTTLS", () => {
    const injected = (socket: import("node:net").Socket): void => {
      const lines = ["250 STARTTLS\r\n", "220 go ahead\r\n250 injected\r\n"];
      socket.write("220 hello\r\n");
      socket.on("data", () => socket.write(lines.shift() ?? ""));
    };
    return withPeer(speak(injected), "smtp", { starttls: true }, /went on in clear text/);
  });
});

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

function tlsPeer(identity: Identity, options: TlsOptions = {}): Promise<Peer> {
  return listen(createServer({ cert: identity.certificate, key: identity.key, ...options }).on("tlsClientError", () => undefined));
}

async function httpsPeer(options: TlsOptions): Promise<Peer> {
  const { createServer: createHttpsServer } = await import("node:https");
  return listen(createHttpsServer({ cert: good.certificate, key: good.key, ...options }, (_, response) => response.end("hello")));
}
