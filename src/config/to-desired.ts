/** Configuration -> what the data plane should hold. Health, overrides and mastership will have their say here too. */

import type { DesiredState, WantedAttachment } from "../model/plane.ts";
import type { Configuration } from "./configuration.ts";

/** `automatic`: where to listen when the configuration leaves it open. */
export function toDesired(configuration: Configuration, automatic: readonly WantedAttachment[]): DesiredState {
  const { services, settings, marks, interfaces } = configuration;
  return { services: services.map(({ name: _name, ...service }) => service), settings, marks, attachments: interfaces ?? automatic };
}
