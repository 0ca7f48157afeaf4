// Wherever a deployment is interrupted, running it again leads to what an uninterrupted one leaves.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, it } from "vitest";
import { accountIn, newAccount } from "./deploy-fixture.ts";
import { Interrupted, type Interruption } from "./fake-wrangler.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const uninterrupted = await (async () => {
  const folder = mkdtempSync(join(tmpdir(), "portcullis-deploy-test-"));
  try {
    const account = accountIn(folder);
    await account.run();
    return { endState: account.endState(), changes: account.wrangler.changes };
  } finally {
    rmSync(folder, { recursive: true });
  }
})();

async function expectConvergence(interruptions: readonly Interruption[]) {
  const account = newAccount();
  for (const interruption of interruptions) {
    account.wrangler.interruption = interruption;
    account.wrangler.forgetCalls();
    // A later run may have less to do than the interruption's place.
    await account.run().catch((error: unknown) => expect(error).toBeInstanceOf(Interrupted));
  }
  account.wrangler.interruption = undefined;
  await account.run();
  expect(account.endState()).toEqual(uninterrupted.endState);
  const hashes = account.adminKeyHashes();
  expect(hashes).toHaveLength(1);
  expect(new Set(account.shownKeys().map(sha256))).toEqual(new Set(hashes));
  expect(account.keptKeys()).toEqual([]);
  // Before its first success nobody can have used it; afterwards it is never made again.
  const ledgerPuts = account.wrangler.puts.filter((put) => put.endsWith("LEDGER_NAME_SECRET"));
  expect(ledgerPuts).toHaveLength(1);
}

const places = Array.from({ length: uninterrupted.changes }, (_, at) => at);

it("has something to interrupt", () => expect(uninterrupted.changes).toBeGreaterThan(15));

it.each(places)("goes on after change %i was interrupted", async (at) => {
  await expectConvergence([{ at, when: "before" }]);
  await expectConvergence([{ at, when: "after" }]);
});

it("goes on after any sequence of interruptions", async () => {
  const interruption = fc.record({
    at: fc.nat({ max: uninterrupted.changes - 1 }),
    when: fc.constantFrom("before" as const, "after" as const),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(interruption, { minLength: 2, maxLength: 5 }), expectConvergence),
    { numRuns: 15 },
  );
});
