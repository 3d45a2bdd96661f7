/** 2,000 checks of each kind, some cut off at every moment of their course, leave as many descriptors as there were before. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { look, openDescriptors } from "../src/checker/checker.contract.ts";
import { CHECK_KINDS } from "../src/checker/index.ts";
import { soundPeer } from "./check-peers/sound-peers.ts";
import { need } from "./need.ts";

const CHECKS = 2000;
const AT_ONCE = 20;
describe(`${CHECKS} checks`, () => {
  for (const kind of CHECK_KINDS)
    test(`of the kind ${kind} leave no descriptor open`, async (t) => {
      if (!need(t, "root")) return;
      const peer = await soundPeer(kind, "127.0.0.1");
      try {
        for (let i = 0; i < 2; i++) await look(kind, "127.0.0.1", peer.port, peer.options);
        const before = await openDescriptors();
        const outcomes = { pass: 0, fail: 0, unable: 0 };
        for (let done = 0; done < CHECKS; done += AT_ONCE) {
          const verdicts = await Promise.all(
            Array.from({ length: AT_ONCE }, (_, i) =>
              // One of four is cut off after 0 to 14 ms.
              look(kind, "127.0.0.1", peer.port, peer.options, i % 4 === 0 ? AbortSignal.timeout((done / AT_ONCE) % 15) : undefined),
            ),
          );
          for (const { outcome } of verdicts) outcomes[outcome]++;
        }
        // A check that is cut off leaves its half of a connection to the server of this process, which takes a moment to see it.
        const left = await openDescriptors(before);
        assert.ok(left <= before, `${left - before} descriptors more than before`);
        assert.ok(outcomes.pass >= CHECKS / 2, JSON.stringify(outcomes));
        assert.equal(outcomes.unable, 0);
      } finally {
        await peer.close();
      }
    });
});
