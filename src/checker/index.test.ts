import { describe } from "node:test";
import { enterPrivateNetwork } from "../../test/check-peers/private-network.ts";
import { checkerContract } from "./checker.contract.ts";
import { CHECK_KINDS } from "./index.ts";

enterPrivateNetwork();

for (const kind of CHECK_KINDS) describe(kind, () => checkerContract(kind));
