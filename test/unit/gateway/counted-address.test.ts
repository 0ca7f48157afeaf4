// A client address is hashed for who counts by it, and for nobody else.
import { expect, it } from "vitest";
import { countedAddress } from "../../../src/gateway/counted-address.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { capability, detailOf, place, policyOf, snapshotOf } from "../policy/decide-fixture.ts";

const byAddress = { constraints: { maxRequestsPerDay: 1, quotaScope: "address" as const } };
const counting = policyOf(byAddress);

async function told(
  policies: readonly Policy[],
  platform: readonly Policy[] = [],
  authorization: typeof capability.authorization = null,
  clientAddress: string | null = place.clientAddress,
) {
  const hashed: string[] = [];
  const ports = {
    async hashAddress(tenantId: string, address: string) {
      hashed.push(`${tenantId} ${address}`);
      return "hash";
    },
  };
  const caller = { capability: { ...capability, authorization }, place: { clientAddress } };
  return { address: await countedAddress(ports, caller, snapshotOf(policies, {}, platform)), hashed };
}

it("is not hashed where nothing counts by it", async () => {
  const others = [policyOf(), policyOf({ constraints: { maxRequestsPerDay: 1, quotaScope: "user" } })];
  expect(await told(others, others, [detailOf()])).toEqual({ address: null, hashed: [] });
  const inShadow = policyOf({ ...byAddress, mode: "shadow" });
  expect(await told([inShadow], [inShadow])).toEqual({ address: null, hashed: [] });
});

it("is hashed once for a policy of the tenant, of the platform, or a token that counts by it", async () => {
  const once = { address: "hash", hashed: ["tenant-a 192.0.2.1"] };
  expect(await told([policyOf(), counting, counting])).toEqual(once);
  expect(await told([], [counting])).toEqual(once);
  expect(await told([], [], [detailOf(), detailOf(byAddress)])).toEqual(once);
});

it("stays unknown where the platform named none", async () => {
  expect(await told([counting], [], null, null)).toEqual({ address: null, hashed: [] });
});
