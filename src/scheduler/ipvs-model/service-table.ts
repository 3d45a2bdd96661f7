/** The services, and which of them a new flow belongs to. */

import type { Address } from "../../model/address.ts";
import { type Service, type ServiceKey, type ServiceProtocol, sameKey } from "./service.ts";

const FTP_PORT = 21;
const FTP_DATA_PORT = 20;

export interface Target {
  readonly protocol: ServiceProtocol;
  readonly address: Address;
  readonly port: number;
  /** 0 = none. */
  readonly mark: number;
}

export class ServiceTable {
  readonly #services: Service[] = [];

  get all(): readonly Service[] {
    return this.#services;
  }

  find(key: ServiceKey): Service | undefined {
    return this.#services.find((service) => sameKey(service.key, key));
  }

  add(service: Service): void {
    this.#services.push(service);
  }

  delete(service: Service): void {
    const index = this.#services.indexOf(service);
    if (index !== -1) this.#services.splice(index, 1);
  }

  /** A mark wins over an address; then the exact port, the FTP service for its data ports, and the service for every port. */
  lookUp({ protocol, address, port, mark }: Target, unprivilegedPortStart: number): Service | undefined {
    if (mark !== 0) {
      const marked = this.find({ kind: "mark", family: address.family, mark });
      if (marked !== undefined) return marked;
    }
    const at = (candidate: number) => this.find({ kind: "address", protocol, address, port: candidate });
    const exact = at(port);
    if (exact !== undefined) return exact;
    const mayBeFtpData = protocol === "tcp" && (port === FTP_DATA_PORT || port >= unprivilegedPortStart);
    return (mayBeFtpData ? at(FTP_PORT) : undefined) ?? at(0);
  }
}
