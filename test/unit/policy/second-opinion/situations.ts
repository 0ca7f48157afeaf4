// Random asks, from all sides of what the policies' constraints look at.
import fc from "fast-check";
import { TenantId, TokenId } from "../../../../src/kernel/ids.ts";
import type { Ask } from "../../../../src/policy/decision.ts";
import { deploymentOfResource } from "../../../../src/policy/resource.ts";
import { ask, capability, type DecideInput, place } from "../decide-fixture.ts";
import { addressMeanings, agentId, classifications, hour, oddRole, toolPool } from "./pools.ts";

/** One ask and its circumstances; the token's details are the world's. */
export type Situation = Omit<DecideInput, "snapshot">;

const agents = [agentId(1), agentId(2)] as const;
const tenants = [TenantId.parse("tenant-a"), TenantId.parse("tenant-b")] as const;
const tokens = [1, 2].map((index) => TokenId.parse(`token_${"0".repeat(31)}${index}`));

const anyCapability = fc
  .record({
    tenantId: fc.constantFrom(tenants[0], tenants[0], tenants[0], tenants[1]),
    agentId: fc.constantFrom(agents[0], agents[0], agents[1]),
    tokenId: fc.constantFrom(...tokens),
    rootTokenId: fc.constantFrom(...tokens),
    roles: fc.constantFrom<string[]>(["analyst", "employee"], ["analyst"], ["employee", oddRole], []),
  })
  .map((fields) => ({ ...capability, ...fields }));

const anyContent = fc.record({
  promptCharacters: fc.constantFrom(10, 399, 400, 401, null),
  parameters: fc.constantFrom(
    {},
    {},
    { temperature: 0.5, n: 2 },
    { temperature: 1, n: 1 },
    { temperature: 1.5, n: 3 },
    { temperature: 0.25 },
    { temperature: null, n: 2 },
    null,
  ),
  literals: fc.constantFrom<readonly string[] | null>(
    [],
    [],
    [],
    ["<script"],
    ["data:image/"],
    ["project x", "secret"],
    ["project y"],
    null,
  ),
  canStrip: fc.constantFrom(true, true, true, false),
});

/** Some of those whose answers nobody can cut are not billed by tokens; most of them have no bound in tokens. */
function unitsOf({
  outputIsFixed,
  promptTokens,
  choices,
}: Pick<Ask, "outputIsFixed" | "promptTokens" | "choices">) {
  if (!outputIsFixed || (promptTokens ?? 499) !== 499) return {};
  if (promptTokens === 499) return { units: { unit: "character", atMost: 4, picoUsdPerUnit: null } as const };
  const units = { unit: "picture", atMost: 4, picoUsdPerUnit: 80_000_000_001 } as const;
  return { units: choices === 1 ? units : { ...units, atMost: null } };
}

const anyAsk = fc
  .record({
    action: fc.constantFrom("chat" as const, "chat" as const, "chat" as const, "embedding" as const),
    resource: fc.constantFrom(
      ...Array<string>(8).fill("api://azure-openai/models/gpt-4"),
      "api://azure-openai/models/gpt-4o",
      "api://azure-openai/models/gpt-4/versions/1",
      "api://azure-openai",
      "api://azure-openai/models",
      "api://azure-openai-test/models/gpt-4",
      "api://tools/search",
    ),
    promptTokens: fc.constantFrom(0, 99, 100, 100, 101, 101, 499, 500, null),
    outputTokens: fc.constantFrom(0, 1, 99, 400, 1_000, null),
    outputIsFixed: fc.constantFrom(false, false, false, false, true),
    choices: fc.constantFrom(1, 1, 1, 2, 3),
    classification: fc.constantFrom("internal" as const, ...classifications),
    endUser: fc.constantFrom("somebody", "somebody", null),
    clientAddress: fc.constantFrom("a hashed address", "a hashed address", null),
    tools: fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom<readonly string[] | null>([], [], [], null) },
      { weight: 3, arbitrary: fc.subarray([...toolPool], { minLength: 1, maxLength: 2 }) },
    ),
    stores: fc.constantFrom(false, true, true, null),
    price: fc.constantFrom(
      { inputPicoUsd: 2_500_000, cachedInputPicoUsd: 1_250_000, outputPicoUsd: 10_000_000 },
      { inputPicoUsd: 150_001, cachedInputPicoUsd: 0, outputPicoUsd: 600_999 },
      { inputPicoUsd: 7_000_333, cachedInputPicoUsd: 0, outputPicoUsd: 333 },
      { inputPicoUsd: 2_500_000, cachedInputPicoUsd: 1_250_000, outputPicoUsd: 10_000_000 },
      { inputPicoUsd: 150_001, cachedInputPicoUsd: 0, outputPicoUsd: 600_999 },
      { inputPicoUsd: 20_000, cachedInputPicoUsd: 0, outputPicoUsd: null },
      null,
    ),
    content: anyContent,
  })
  .map((fields) => ({
    ...ask,
    ...fields,
    ...unitsOf(fields),
    deployment: deploymentOfResource(fields.resource) ?? fields.resource,
  }));

const anyPlace = fc
  .record({
    country: fc.constantFrom("DE", "DE", "DE", "FR", "US", null),
    tlsVersion: fc.constantFrom("TLSv1.3", "TLSv1.3", "TLSv1.2", "TLSv1.1", null),
    clientAddress: fc.constantFrom(...Object.keys(addressMeanings), null),
  })
  .map((fields) => ({ ...place, ...fields }));

export const anySituation: fc.Arbitrary<Situation> = fc.record({
  capability: anyCapability,
  ask: anyAsk,
  place: anyPlace,
  nowMs: fc.constantFrom(hour - 1, hour, hour, hour + 1, hour + 2),
});
