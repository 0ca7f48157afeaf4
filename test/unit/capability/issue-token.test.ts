import fc from "fast-check";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { describe, expect, it } from "vitest";
import type { AuthorizationDetail } from "../../../src/capability/claims.ts";
import { issueToken } from "../../../src/capability/issue-token.ts";
import { AgentId, TenantId } from "../../../src/kernel/ids.ts";
import { Classification } from "../../../src/policy/classification.ts";
import {
  AUDIENCE,
  agent,
  goodClaims,
  keyRing,
  NOW_MS,
  order,
  tokenId,
  validToken,
  verifier,
} from "./token-fixture.ts";

describe("issueToken", () => {
  it("answers the token, its id and its end", async () => {
    const issued = await issueToken({ ...order, nowMs: NOW_MS + 999 });
    expect(issued).toMatchObject({
      ok: true,
      value: { tokenId, expiresAt: new Date(NOW_MS + 900_000).toISOString() },
    });
  });

  it("writes exactly the header and the claims of the contract", async () => {
    const token = await validToken();
    expect(decodeProtectedHeader(token)).toEqual({
      alg: "EdDSA",
      typ: "at+jwt",
      kid: keyRing.signers[0].keyId,
    });
    expect(decodeJwt(token)).toEqual({ ...goodClaims, minted_by: order.mintedBy });
    expect(decodeJwt(token).aud).toBe(AUDIENCE);
  });

  it.each([0, -1, 0.5, 3_601, Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses a life of %s s",
    async (life) => {
      expect(await issueToken({ ...order, expiresInSeconds: life })).toMatchObject({
        ok: false,
        error: { code: "meaningless", field: "expiresIn" },
      });
    },
  );

  it("refuses a token that the gateway would not read", async () => {
    const roles = Array.from({ length: 50 }, (_, index) => String(index).padEnd(100, "😀"));
    const issued = await issueToken({ ...order, agent: { ...agent, roles } });
    expect(issued).toMatchObject({ ok: false, error: { code: "meaningless" } });
  });

  it("carries an authorization to the capability, constraint by constraint", async () => {
    const authorization: AuthorizationDetail[] = [
      {
        type: "model_invocation",
        actions: ["chat", "embedding"],
        locations: ["api://azure-openai/models/*"],
        constraints: {
          maxTokensPerRequest: 100,
          allowedCountries: ["DE"],
          noPersonalData: { action: "redact" },
        },
      },
    ];
    const verified = await verifier.verify(await validToken({ authorization }), NOW_MS);
    expect(verified).toMatchObject({ ok: true, value: { authorization } });
  });

  it("issues only what the verifier accepts as the same agent", async () => {
    const hex = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 32, maxLength: 32 });
    const anyAgent = fc.record({
      id: hex.map((text) => AgentId.parse(`agent_${text}`)),
      tenantId: fc.stringMatching(/^[a-z0-9]{1,20}$/).map((text) => TenantId.parse(text)),
      roles: fc.array(
        fc.string({ unit: "binary", minLength: 1, maxLength: 100 }).filter((role) => role.length <= 100),
        { maxLength: 8 },
      ),
      classification: fc.constantFrom(...Classification.options),
      version: fc.integer({ min: 1 }),
    });
    await fc.assert(
      fc.asyncProperty(anyAgent, async (changes) => {
        const subject = { ...agent, ...changes };
        const verified = await verifier.verify(await validToken({ agent: subject }), NOW_MS);
        expect(verified).toMatchObject({
          ok: true,
          value: {
            agentId: subject.id,
            tenantId: subject.tenantId,
            roles: subject.roles,
            classification: subject.classification,
            agentVersion: subject.version,
          },
        });
      }),
    );
  });
});
