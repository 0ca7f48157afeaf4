// From a parent to its child and on: what passes from one to the next, and which families are none of ours.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { childClaims, childLife } from "../../../src/capability/child-claims.ts";
import type { AuthorizationDetail, Capability, CapabilityClaims } from "../../../src/capability/claims.ts";
import { signedToken } from "../../../src/capability/issue-token.ts";
import { narrowToken } from "../../../src/capability/narrow-token.ts";
import { signingInputHash } from "../../../src/capability/signing-input-hash.ts";
import { AgentId, TokenId } from "../../../src/kernel/ids.ts";
import { detailOf } from "../policy/decide-fixture.ts";
import {
  AUDIENCE,
  agent,
  goodClaims,
  ISSUER,
  keyRing,
  NOW_MS,
  NOW_SECONDS,
  order,
  signClaims,
  validToken,
  verdictOf,
  verifier,
} from "./token-fixture.ts";

const agentNamed = (digit: number) => AgentId.parse(`agent_${"0".repeat(31)}${digit}`);
const tokenNamed = (digit: number) => TokenId.parse(`token_${"0".repeat(31)}${digit}`);

interface Holder {
  readonly token: string;
  readonly capability: Capability;
}

async function held(token: string, nowMs = NOW_MS): Promise<Holder> {
  const verified = await verifier.verify(token, nowMs);
  if (!verified.ok) throw new Error(verified.error.code);
  return { token, capability: verified.value };
}
const root = async (authorization: readonly AuthorizationDetail[] | null, maxDelegationDepth = 4) =>
  held(await validToken({ authorization, maxDelegationDepth }));

interface Wanted {
  readonly details?: readonly AuthorizationDetail[];
  readonly digit?: number;
  readonly furtherDepth?: number;
  readonly expiresInSeconds?: number;
  readonly nowMs?: number;
}

async function claimsFor(
  { token, capability: parent }: Holder,
  wanted: Wanted = {},
): Promise<CapabilityClaims> {
  const { details = null, digit = 3, furtherDepth = 0, expiresInSeconds = 300, nowMs = NOW_MS } = wanted;
  const narrowed = narrowToken(parent, { details, furtherDepth });
  if (!narrowed.ok) throw new Error(narrowed.error.code);
  return childClaims({
    issuer: ISSUER,
    audience: AUDIENCE,
    parent,
    parentHash: await signingInputHash(token),
    tokenId: tokenNamed(digit),
    actor: agentNamed(digit),
    holderKey: parent.holderKey,
    details: narrowed.value,
    life: childLife(parent, expiresInSeconds, nowMs),
    furtherDepth,
  });
}

async function exchanged(parent: Holder, wanted: Wanted = {}): Promise<Holder> {
  const nowMs = wanted.nowMs ?? NOW_MS;
  const signed = await signedToken(keyRing.signers[0], await claimsFor(parent, wanted));
  if (!signed.ok) throw new Error(signed.error.code);
  return held(signed.value.token, nowMs);
}

const narrowing = (maxTokensPerDay: number, more: Partial<AuthorizationDetail> = {}) =>
  detailOf({ constraints: { maxTokensPerDay }, ...more });
const refusalOf = (
  parent: Holder,
  wanted: { readonly details?: AuthorizationDetail[]; readonly furtherDepth?: number },
) => {
  const { details = null, furtherDepth = 0 } = wanted;
  const narrowed = narrowToken(parent.capability, { details, furtherDepth });
  return narrowed.ok ? "allowed" : [narrowed.error.code, narrowed.error.field, narrowed.error.message];
};

describe("a child", () => {
  it("is charged to its parent's agent, acts as another, and says where it comes from", async () => {
    const parent = await root([narrowing(100)]);
    const child = await exchanged(parent, { details: [narrowing(50)], furtherDepth: 1 });
    const grandchild = await exchanged(child, { details: [narrowing(20)], digit: 4 });
    expect(grandchild.capability).toEqual({
      ...parent.capability,
      signedBy: [{ keyId: keyRing.signers[0].keyId, issuedAtSeconds: NOW_SECONDS }],
      tokenId: tokenNamed(4),
      rootTokenId: tokenNamed(4),
      expiresAtSeconds: NOW_SECONDS + 300,
      authorization: [
        {
          ...narrowing(20),
          within: [
            { rootTokenId: order.tokenId, detail: narrowing(100) },
            { rootTokenId: tokenNamed(3), detail: narrowing(50) },
          ],
        },
      ],
      delegation: {
        maxDepth: 2,
        actors: [agentNamed(4), agentNamed(3)],
        ancestors: [order.tokenId, tokenNamed(3)].map((tokenId) => ({
          tokenId,
          rootTokenId: tokenId,
          rootIssuedAtSeconds: NOW_SECONDS,
        })),
      },
    });
    expect(grandchild.capability.agentId).toBe(agent.id);
  });

  it("states the hash of what its parent's signature stands over", async () => {
    const parent = await root(null);
    const { par_hash } = await claimsFor(parent);
    const [header, payload] = parent.token.split(".");
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${header}.${payload}`));
    expect(par_hash).toBe(Buffer.from(digest).toString("base64url"));
  });

  it("has its parent's details where it asks for none, and where the parent has none, any", async () => {
    const parent = await root([narrowing(100), detailOf({ actions: ["chat"] })]);
    const same = await exchanged(parent);
    const own = same.capability.authorization?.map(({ within, ...detail }) => detail);
    expect(own).toEqual(parent.capability.authorization);
    const open = await exchanged(await root(null), { details: [narrowing(7)] });
    expect(open.capability.authorization).toEqual([narrowing(7)]);
    expect((await exchanged(await root(null))).capability.authorization).toBeNull();
  });

  it("stands inside the first of its parent's details that holds it", async () => {
    const chat = narrowing(10, { actions: ["chat"] });
    const wide = narrowing(100);
    const child = await exchanged(await root([chat, wide]), {
      details: [narrowing(50), narrowing(5, { actions: ["chat"] })],
    });
    expect(child.capability.authorization?.map(({ within }) => within?.map(({ detail }) => detail))).toEqual([
      [wide],
      [chat],
    ]);
  });

  it("is refused where it is no narrower, with the field that is at fault", async () => {
    const parent = await root([narrowing(100), detailOf({ actions: ["image"] })]);
    const field = "authorization_details[0].constraints.maxTokensPerDay";
    expect(refusalOf(parent, { details: [narrowing(101)] })).toEqual([
      "authorization_exceeded",
      field,
      `\`${field}\` allows more than the token that is exchanged.`,
    ]);
    expect(refusalOf(parent, { details: [detailOf()] })).toEqual([
      "authorization_exceeded",
      field,
      `\`${field}\` is left out, though the token that is exchanged has it; state it, or something narrower.`,
    ]);
  });

  it("is refused beyond the depth that its family may have", async () => {
    expect(refusalOf(await root(null, 0), {})).toEqual([
      "delegation_not_allowed",
      undefined,
      expect.any(String),
    ]);
    const parent = await root(null, 2);
    expect(refusalOf(parent, { furtherDepth: 2 })).toEqual([
      "delegation_not_allowed",
      "max_depth",
      expect.any(String),
    ]);
    const child = await exchanged(parent, { furtherDepth: 1 });
    const grandchild = await exchanged(child, { digit: 4 });
    expect(refusalOf(grandchild, {})).toEqual(["delegation_not_allowed", undefined, expect.any(String)]);
  });

  it.each([
    ["asks for less", 300, 0, 300],
    ["asks for exactly what is left", 900, 0, 900],
    ["asks for more", 3_600, 0, 900],
    ["is made in the parent's last second", 3_600, 899_999, 900],
  ])("that %s ends with its parent at the latest", async (_, expiresInSeconds, laterMs, endSeconds) => {
    const nowMs = NOW_MS + laterMs;
    const child = await exchanged(await root(null), { expiresInSeconds, nowMs });
    expect(child.capability.expiresAtSeconds).toBe(NOW_SECONDS + endSeconds);
    expect(await verdictOf(child.token, (NOW_SECONDS + endSeconds) * 1_000 - 1)).toBe("accepted");
    expect(await verdictOf(child.token, (NOW_SECONDS + endSeconds) * 1_000)).toBe("token_expired");
  });

  it("is no older than its parent, whose clock was ahead", async () => {
    const parent = await held(await validToken({ maxDelegationDepth: 1, nowMs: NOW_MS + 4_000 }));
    const child = await exchanged(parent);
    expect(child.capability.issuedAtSeconds).toBe(NOW_SECONDS + 4);
  });
});

describe("a family that no exchange makes", () => {
  const ancestor = { jti: tokenNamed(8), iat: NOW_SECONDS };
  const child = {
    del_depth: 1,
    del_max_depth: 1,
    act: { sub: agentNamed(3) },
    par_hash: "A".repeat(43),
    ancestors: [ancestor],
    prior_keys: [{ kid: keyRing.signers[0].keyId, iat: NOW_SECONDS }],
  };
  it("would be accepted, were it a proper one", async () => {
    expect(await verdictOf(await signClaims(child))).toBe("accepted");
  });

  it.each<[string, object]>([
    ["no actor", { act: undefined }],
    ["more actors than it is deep", { act: { sub: agentNamed(3), act: { sub: agentNamed(4) } } }],
    ["an actor with a further claim", { act: { sub: agentNamed(3), role: "root" } }],
    ["no parent", { par_hash: undefined }],
    ["a parent of another form", { par_hash: "A".repeat(42) }],
    ["no ancestors", { ancestors: undefined }],
    ["an ancestor too many", { ancestors: [ancestor, { ...ancestor, jti: tokenNamed(7) }] }],
    ["itself as an ancestor", { ancestors: [{ ...ancestor, jti: goodClaims.jti }] }],
    ["an ancestor that is younger", { ancestors: [{ ...ancestor, iat: NOW_SECONDS + 1 }] }],
    [
      "an ancestor's details and none of its own",
      { ancestors: [{ ...ancestor, authorization_details: [detailOf()] }] },
    ],
    [
      "another number of details than its ancestor",
      {
        authorization_details: [detailOf(), detailOf()],
        ancestors: [{ ...ancestor, authorization_details: [detailOf()] }],
      },
    ],
    ["no keys of its ancestors", { prior_keys: undefined }],
    ["no depth", { del_depth: undefined }],
    ["another depth", { del_depth: 2, del_max_depth: 2 }],
    ["more depth than it may have", { del_max_depth: 0 }],
    ["a depth beyond all", { del_max_depth: 5 }],
    ["a depth that is no number", { del_depth: "1" }],
  ])("with %s opens nothing under our own signature", async (_, changes) => {
    expect(await verdictOf(await signClaims({ ...child, ...changes }))).toBe("token_claims_invalid");
  });

  it.each<[string, object]>([
    ["ancestors", { ancestors: [ancestor] }],
    ["an actor", { act: { sub: agentNamed(3) } }],
    ["a parent", { par_hash: "A".repeat(43) }],
  ])("of a root with %s neither", async (_, changes) => {
    expect(await verdictOf(await signClaims(changes))).toBe("token_claims_invalid");
    const verdict = await verdictOf(await signClaims({ ...changes, del_depth: 0, del_max_depth: 1 }));
    expect(verdict).toBe("token_claims_invalid");
  });
});

it("no change to the text of a child verifies", async () => {
  const { token } = await exchanged(await root([narrowing(100)]), { details: [narrowing(50)] });
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
  await fc.assert(
    fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...alphabet), async (at, character) => {
      fc.pre(token[at] !== character);
      expect(await verdictOf(token.slice(0, at) + character + token.slice(at + 1))).not.toBe("accepted");
    }),
    { numRuns: 1_000 },
  );
});
