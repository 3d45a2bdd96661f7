/** Configuration -> what the data plane should hold. Health, overrides and mastership will have their say here too. */

import type { DesiredState, WantedAttachment } from "../model/plane.ts";
import type { Configuration } from "./configuration.ts";

/** `automatic`: where to listen when the configuration leaves it open. */
export function toDesired(configuration: Configuration, automatic: readonly WantedAttachment[]): DesiredState {
  return {
    services: configuration.services.map(({ address, port, protocol, scheduler, servers }) => ({
      address,
      port,
      protocol,
      scheduler,
      servers,
    })),
    attachments: configuration.interfaces ?? automatic,
  };
}
