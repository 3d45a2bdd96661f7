/** A connection for programs. */

import { formatAddress } from "../model/address.ts";
import type { Connection, End } from "./connection-reader.ts";

export function connectionJson(one: Connection): object {
  const { protocol, state, method, active, template, mark, parent, slot, generation, children } = one;
  const end = ({ address, port }: End) => ({ address: formatAddress(address), port });
  return {
    protocol,
    state,
    expiresSeconds: Math.round(one.expiresMs / 100) / 10,
    client: end(one.client),
    virtual: end(one.virtual),
    server: end(one.server),
    method,
    active,
    ...(template ? { template, children } : {}),
    ...(mark === undefined ? {} : { mark }),
    ...(parent === undefined ? {} : { parent }),
    slot,
    generation,
  };
}
