// A token says which keys signed what it comes from: with any of them, it ends.
import { describe, expect, it } from "vitest";
import { childClaims, childLife } from "../../../src/capability/child-claims.ts";
import type { Capability } from "../../../src/capability/claims.ts";
import type { SigningKey } from "../../../src/capability/ed25519-keys.ts";
import { signedToken } from "../../../src/capability/issue-token.ts";
import { importKeyRing } from "../../../src/capability/key-ring.ts";
import type { WithdrawnKey } from "../../../src/capability/key-states.ts";
import { narrowToken } from "../../../src/capability/narrow-token.ts";
import { successorOf } from "../../../src/capability/successor-token.ts";
import { createTokenVerifier } from "../../../src/capability/verify-token.ts";
import { TokenId } from "../../../src/kernel/ids.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";
import {
  AUDIENCE,
  agent,
  here,
  ISSUER,
  jwksText,
  NOW_MS,
  NOW_SECONDS,
  newPrivateJwk,
  order,
  validToken,
  verdict,
} from "./token-fixture.ts";

const [a, b, c] = await Promise.all(["a", "b", "c"].map(newPrivateJwk));
const keyRing = await importKeyRing(jwksText(...[a, b, c].flatMap((key) => key ?? [])));
const [keyA, keyB = keyA, keyC = keyA] = keyRing.signers;

let withdrawn: readonly WithdrawnKey[] = [];
const verifier = createTokenVerifier({ keyRing, ...here, withdrawnKeys: () => withdrawn });
const at = (seconds: number) => (NOW_SECONDS + seconds) * 1_000;

async function held(token: string, nowMs: number): Promise<Capability> {
  const verified = await verifier.verify(token, nowMs);
  if (!verified.ok) throw new Error(verified.error.code);
  return verified.value;
}

async function refreshed(capability: Capability, signer: SigningKey, seconds: number): Promise<string> {
  const successor = await successorOf(capability, at(seconds));
  if (!successor.ok) throw new Error(successor.error.code);
  const { tokenId } = successor.value;
  const { refreshUntilSeconds, delegation } = capability;
  const more = { refreshUntilSeconds, maxDelegationDepth: delegation.maxDepth, refreshes: capability };
  return validToken({ signer, tokenId, nowMs: at(seconds), ...more });
}

async function exchanged(parent: Capability, signer: SigningKey, seconds: number): Promise<string> {
  const claims = childClaims({
    issuer: ISSUER,
    audience: AUDIENCE,
    parent,
    parentHash: "A".repeat(43),
    tokenId: TokenId.parse(`token_${"0".repeat(31)}3`),
    actor: agent.id,
    holderKey: parent.holderKey,
    details: null,
    life: childLife(parent, 300, at(seconds)),
    furtherDepth: 0,
  });
  const signed = await signedToken(signer, claims);
  if (!signed.ok) throw new Error(signed.error.code);
  return signed.value.token;
}

/** Signed by a, refreshed under b, and that exchanged under c. */
const root = await validToken({
  signer: keyA,
  refreshUntilSeconds: NOW_SECONDS + 3_600,
  maxDelegationDepth: 1,
});
const second = await refreshed(await held(root, at(0)), keyB, 100);
const child = await exchanged(await held(second, at(100)), keyC, 200);

describe("a token that comes of another one", () => {
  it("names the keys of its chain and its ancestors, its own first", async () => {
    expect((await held(child, at(200))).signedBy).toEqual([
      { keyId: keyC.keyId, issuedAtSeconds: NOW_SECONDS + 200 },
      { keyId: keyB.keyId, issuedAtSeconds: NOW_SECONDS + 100 },
      { keyId: keyA.keyId, issuedAtSeconds: NOW_SECONDS },
    ]);
    const third = await refreshed(await held(second, at(100)), keyA, 300);
    expect((await held(third, at(300))).signedBy).toEqual([
      { keyId: keyA.keyId, issuedAtSeconds: NOW_SECONDS + 300 },
      { keyId: keyB.keyId, issuedAtSeconds: NOW_SECONDS + 100 },
    ]);
  });

  it.each([
    ["a", keyA, ["token_key_withdrawn", "token_key_withdrawn", "token_key_withdrawn"]],
    ["b", keyB, ["accepted", "token_key_withdrawn", "token_key_withdrawn"]],
    ["c", keyC, ["accepted", "accepted", "token_key_withdrawn"]],
  ])("ends with each of them, and what came before it does not: %s", async (_, { keyId }, expected) => {
    const verdicts = async (lastIssuedAt: WithdrawnKey["lastIssuedAt"]) => {
      withdrawn = [{ keyId, lastIssuedAt }];
      const told = [root, second, child].map(async (one) => verdict(await verifier.verify(one, at(201))));
      const all = await Promise.all(told);
      withdrawn = [];
      return all;
    };
    expect(await verdicts(null)).toEqual(expected);
    // Retired after it signed, and before.
    expect(await verdicts(timestampOf(at(200)))).toEqual(["accepted", "accepted", "accepted"]);
    expect(await verdicts(timestampOf(NOW_MS - 1_000))).toEqual(expected);
  });

  it("goes on as it may, the child not at all", async () => {
    const next = await held(second, at(100));
    expect(next.delegation.maxDepth).toBe(1);
    expect([next.rootTokenId, next.tokenId === order.tokenId]).toEqual([order.tokenId, false]);
    const { delegation, refreshUntilSeconds, ...of } = await held(child, at(200));
    expect(delegation.ancestors).toEqual([
      { tokenId: next.tokenId, rootTokenId: order.tokenId, rootIssuedAtSeconds: NOW_SECONDS },
    ]);
    expect(refreshUntilSeconds).toBeNull();
    const refused = await successorOf({ ...of, delegation, refreshUntilSeconds }, at(210));
    expect(refused.ok ? "refreshed" : refused.error.code).toBe("token_not_refreshable");
  });

  it("is not made where it could not name them all", async () => {
    const parent = await held(second, at(100));
    const behind = (keys: number): Capability => ({
      ...parent,
      signedBy: Array.from({ length: keys }, (_, index) => ({
        keyId: `${index}`.padEnd(43, "k"),
        issuedAtSeconds: NOW_SECONDS,
      })),
    });
    const codes = async (capability: Capability) => {
      const answers = [
        await successorOf(capability, at(200)),
        narrowToken(capability, { details: null, furtherDepth: 0 }),
      ];
      return answers.map((answer) => (answer.ok ? "made" : answer.error.code));
    };
    expect(await codes(behind(8))).toEqual(["made", "made"]);
    expect(await codes(behind(9))).toEqual(["token_not_refreshable", "delegation_not_allowed"]);
    expect((await held(await exchanged(behind(8), keyC, 200), at(200))).signedBy).toHaveLength(9);
  });
});
