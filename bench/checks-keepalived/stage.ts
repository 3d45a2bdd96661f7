/** What bench/checks-keepalived.ts compares, as values: the servers, and the configuration of each contender that makes the same checks of them. */

const DEVICE = "front";
const SERVERS_A_SERVICE = 100;
export const PORT = 80;
export const PATH = "/health";
/** The configuration of a contender's, in the emulated machine. */
export const FILES = { keepalived: "/run/keepalived.conf", director: "/run/evenkeel.yaml", nginx: "/run/nginx.conf" } as const;

export const CONTENDERS = ["keepalived", "checkers", "director"] as const;
export type Contender = (typeof CONTENDERS)[number];

export interface Sample {
  readonly contender: Contender;
  readonly round: number;
  readonly servers: number;
  /** Connections that the servers took, in the seconds that were measured. */
  readonly checks: number;
  readonly seconds: number;
  /** Of all its processes and threads, on the clock of the emulated machine, which counts instructions. */
  readonly cpuSeconds: number;
  readonly residentMb: number;
}

/** An address each; one web server answers on all of them. */
export function serverAddress(index: number): string {
  return `10.1.${index >> 8}.${index & 255}`;
}

/** For `ip -batch`: where the services and, as addresses of the machine's own, all servers are. */
export function networkCommands(servers: number): string {
  return [
    `link add ${DEVICE} type veth peer name peer`,
    `link set ${DEVICE} up`,
    "link set peer up",
    ...services(servers).map(({ address }) => `addr add ${address}/32 dev ${DEVICE}`),
    "route add local 10.1.0.0/16 dev lo",
    "",
  ].join("\n");
}

function services(servers: number): { readonly address: string; readonly servers: readonly string[] }[] {
  const count = Math.ceil(servers / SERVERS_A_SERVICE);
  const all = Array.from({ length: servers }, (_, i) => serverAddress(i));
  return Array.from({ length: count }, (_, i) => ({
    address: `192.0.2.${i + 1}`,
    servers: all.slice(i * SERVERS_A_SERVICE, (i + 1) * SERVERS_A_SERVICE),
  }));
}

export function keepalivedConfiguration(servers: number): string {
  const server = (address: string) => `  real_server ${address} ${PORT} {
    weight 1
    HTTP_GET {
      url {
        path ${PATH}
        status_code 200
      }
      connect_timeout 5
    }
  }`;
  const service = ({ address, servers: own }: ReturnType<typeof services>[number]) => `virtual_server ${address} 80 {
  delay_loop 1
  lb_algo rr
  lb_kind NAT
  protocol TCP
${own.map(server).join("\n")}
}`;
  return `global_defs {\n  router_id bench\n}\n${services(servers).map(service).join("\n")}\n`;
}

export function directorConfiguration(servers: number): string {
  const service = ({ address, servers: own }: ReturnType<typeof services>[number]) => `  - address: ${address}
    port: 80
    scheduler: rr
    method: nat
    checks: [{ http: { path: ${PATH} }, interval: 1s, timeout: 5s }]
    servers:
${own.map((server) => `      - { address: ${server}, port: ${PORT} }`).join("\n")}`;
  return `interfaces: [{ name: ${DEVICE}, hook: tc }]\nservices:\n${services(servers).map(service).join("\n")}\n`;
}

export const NGINX_CONFIGURATION = `daemon off;
worker_processes 1;
error_log /dev/null;
pid /run/nginx.pid;
events { worker_connections 8192; }
http {
  access_log off;
  server {
    listen ${PORT} backlog=4096;
    location = ${PATH} { return 200 "ok\\n"; }
  }
}
`;
