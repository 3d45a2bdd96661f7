/**
 * `node tools/complete-lockfile.ts` after each `npm install`: enters into package-lock.json the optional packages of other platforms
 * that npm left out. It does so where the registry it asked carries only some platforms, and then `npm ci` refuses the lockfile
 * everywhere. Such an entry says version and platform, as the package's name and whoever asks for it tell; nothing is fetched for it.
 */

import { readFileSync, writeFileSync } from "node:fs";

interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const SYSTEMS = ["aix", "android", "darwin", "freebsd", "linux", "netbsd", "openbsd", "openharmony", "sunos", "win32"];
const PROCESSORS = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "x64", "wasm32"];

const path = new URL("../package-lock.json", import.meta.url);
const lock = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, Entry> };

const left = Object.entries(lock.packages)
  .filter(([where]) => where !== "")
  .flatMap(([, entry]) => Object.entries(entry.optionalDependencies ?? {}).map(([name, version]) => ({ name, version, dev: entry.dev })))
  .filter(({ name }) => lock.packages[`node_modules/${name}`] === undefined);

for (const { name, version, dev } of left) {
  const words = (name.split("/").at(-1) ?? "").split("-");
  const system = words.find((word) => SYSTEMS.includes(word));
  const processor = words.find((word) => PROCESSORS.includes(word));
  // Without a platform npm would install it everywhere.
  if (system === undefined || processor === undefined) throw new Error(`${name} is missing, and its name tells no platform`);
  const library = words.some((word) => word.startsWith("musl"))
    ? "musl"
    : words.some((word) => word.startsWith("gnu"))
      ? "glibc"
      : undefined;
  lock.packages[`node_modules/${name}`] = {
    version,
    cpu: [processor],
    ...(dev === true && { dev }),
    ...(library !== undefined && { libc: [library] }),
    optional: true,
    os: [system],
  } as Entry;
  console.log(`entered ${name} ${version} (${system}, ${processor})`);
}

const sorted = Object.entries(lock.packages).toSorted(([one], [other]) => (one < other ? -1 : 1));
writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries(sorted) }, undefined, 2)}\n`);
