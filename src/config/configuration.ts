/** What an operator wants, as the file says it: checked, complete, with every default filled in. */

import type { DirectorSettings, MarkRule, WantedAttachment } from "../model/plane.ts";
import type { VirtualService } from "../model/service.ts";

export interface ConfiguredService extends VirtualService {
  /** What people call it; the packet path does not know it. */
  readonly name: string | undefined;
}

export interface Configuration {
  /** undefined = the interfaces that carry a virtual address or lead to a NAT server. */
  readonly interfaces: readonly WantedAttachment[] | undefined;
  readonly settings: DirectorSettings;
  readonly marks: readonly MarkRule[];
  readonly services: readonly ConfiguredService[];
}
