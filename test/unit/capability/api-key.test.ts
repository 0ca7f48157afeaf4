import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ApiKey,
  ApiKeyInput,
  ApiKeyScope,
  apiKeyHash,
  mintApiKeyText,
} from "../../../src/capability/api-key.ts";
import {
  type ApiKeyAuthPorts,
  authenticateApiKey,
  requireScope,
  tenantFor,
} from "../../../src/capability/api-key-auth.ts";
import { checkApiKeyEnd } from "../../../src/capability/api-key-end.ts";
import { type Clock, DAY_MS } from "../../../src/kernel/clock.ts";
import { DEFAULT_TENANT, PLATFORM, TenantId } from "../../../src/kernel/ids.ts";
import { API_KEY_MAX_DAYS } from "../../../src/kernel/limits.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { fail, ok } from "../../../src/kernel/result.ts";
import { timestampOf } from "../../../src/kernel/timestamp.ts";

const apiKey = ApiKey.parse({
  id: `key_${"0".repeat(32)}`,
  name: "operations",
  scopes: ["agents:read", "enforce"],
  tenantId: null,
  createdAt: "2026-01-01T00:00:00.000Z",
  expiresAt: null,
});
const tenantA = TenantId.parse("tenant-a");
const tenantB = TenantId.parse("tenant-b");
const random = (length: number) => new Uint8Array(length);
const text = mintApiKeyText((length) => new Uint8Array(length).fill(7));
const hash = await apiKeyHash(text);

const finding: ApiKeyAuthPorts = {
  clock: () => 0,
  find: async (asked) => ok(asked === hash ? { apiKey, hash } : null),
};
const verdictOf = async (header: string | null, ports = finding) => {
  const result = await authenticateApiKey(ports, header);
  return result.ok ? result.value.id : result.error.code;
};

describe("an API key's text", () => {
  it("is pk_ and 43 base64url characters for any random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        expect(mintApiKeyText((length) => bytes.slice(0, length))).toMatch(/^pk_[A-Za-z0-9_-]{43}$/);
      }),
    );
  });

  it("carries all 256 random bits", () => {
    const flipped = (bit: number) => (length: number) => {
      const bytes = new Uint8Array(length);
      bytes[bit >> 3] = 1 << (bit & 7);
      return bytes;
    };
    expect(new Set(Array.from({ length: 256 }, (_, bit) => mintApiKeyText(flipped(bit)))).size).toBe(256);
  });
});

describe("ApiKeyInput", () => {
  const refused: readonly [name: string, input: object][] = [
    ["no scope", { name: "a", scopes: [] }],
    ["an unknown scope", { name: "a", scopes: ["admin"] }],
    ["a scope twice", { name: "a", scopes: ["enforce", "enforce"] }],
    ["no name", { name: "", scopes: ["enforce"] }],
    ["the platform as tenant", { name: "a", scopes: ["enforce"], tenantId: "platform" }],
    ["an end that is no timestamp", { name: "a", scopes: ["enforce"], expiresAt: 1_800_000_000 }],
    ["an unknown member", { name: "a", scopes: ["enforce"], admin: true }],
  ];
  it.each(refused)("refuses %s", (_name, input) => {
    expect(ApiKeyInput.safeParse(input).success).toBe(false);
  });

  it("takes every scope there is", () => {
    expect(ApiKeyInput.safeParse({ name: "a", scopes: ApiKeyScope.options }).success).toBe(true);
  });
});

describe("authenticateApiKey", () => {
  const cases: readonly [name: string, header: string | null, verdict: string][] = [
    ["the key", text, apiKey.id],
    ["no header", null, "api_key_missing"],
    ["an empty header", "", "api_key_missing"],
    ["another key", mintApiKeyText((length) => new Uint8Array(length)), "api_key_invalid"],
    ["the hash itself", hash, "api_key_invalid"],
    ["the key with a space", `${text} `, "api_key_invalid"],
    ["the key with a newline", `${text}\n`, "api_key_invalid"],
    ["the key twice, as joined headers are", `${text}, ${text}`, "api_key_invalid"],
    ["a megabyte", `pk_${"a".repeat(1_000_000)}`, "api_key_invalid"],
  ];
  it.each(cases)("%s", async (_name, header, verdict) => {
    expect(await verdictOf(header)).toBe(verdict);
  });

  it("asks the store nothing about what cannot be a key", async () => {
    const asked: string[] = [];
    const counting: ApiKeyAuthPorts = {
      ...finding,
      find: async (askedHash) => {
        asked.push(askedHash);
        return ok(null);
      },
    };
    for (const header of [null, "", "pk_", "x".repeat(9_000)]) await verdictOf(header, counting);
    expect(asked).toEqual([]);
    await verdictOf(text, counting);
    expect(asked).toEqual([hash]);
  });

  it("believes the hash that is stored, not that something was found", async () => {
    const lax: ApiKeyAuthPorts = {
      ...finding,
      find: async () => ok({ apiKey, hash: hash.replace(/^./, "x") }),
    };
    expect(await verdictOf(text, lax)).toBe("api_key_invalid");
  });

  it("stays closed while the store cannot be asked", async () => {
    const down: ApiKeyAuthPorts = { ...finding, find: async () => fail(refuse("store_unavailable")) };
    expect(await verdictOf(text, down)).toBe("store_unavailable");
  });
});

describe("an API key with an end", () => {
  const endsAt = "2026-12-31T00:00:00.000Z";
  const endMs = Date.parse(endsAt);
  const ending = { ...apiKey, expiresAt: endsAt };
  const endingAt = (clock: Clock): ApiKeyAuthPorts => ({
    clock,
    find: async (asked) => ok(asked === hash ? { apiKey: ending, hash } : null),
  });

  it.each([
    ["long before", 0, apiKey.id],
    ["in the last millisecond", endMs - 1, apiKey.id],
    ["at its end", endMs, "api_key_expired"],
    ["after it", endMs + 1, "api_key_expired"],
    ["by a clock that tells no number", Number.NaN, "api_key_expired"],
  ])("%s", async (_name, nowMs, verdict) => {
    expect(
      await verdictOf(
        text,
        endingAt(() => nowMs),
      ),
    ).toBe(verdict);
  });

  it("has no longer life by a slow look-up", async () => {
    let nowMs = endMs - 1;
    const slow: ApiKeyAuthPorts = {
      clock: () => nowMs,
      async find() {
        nowMs = endMs;
        return ok({ apiKey: ending, hash });
      },
    };
    expect(await verdictOf(text, slow)).toBe("api_key_expired");
  });

  it("tells of it to nobody who does not hold its text", async () => {
    const after = endingAt(() => endMs);
    const lax: ApiKeyAuthPorts = {
      ...after,
      find: async () => ok({ apiKey: ending, hash: hash.replace(/^./, "x") }),
    };
    expect(await verdictOf(mintApiKeyText(random), after)).toBe("api_key_invalid");
    expect(await verdictOf(text, lax)).toBe("api_key_invalid");
  });
});

describe("checkApiKeyEnd", () => {
  const nowMs = Date.parse("2026-12-01T00:00:00.000Z");
  const inMs = (ms: number) => timestampOf(nowMs + ms);
  const farthest = API_KEY_MAX_DAYS * DAY_MS;
  type Maker = Pick<ApiKey, "tenantId" | "expiresAt">;
  const maker: Maker = { tenantId: null, expiresAt: null };
  const bound: Maker = { tenantId: tenantA, expiresAt: inMs(1_000) };

  it.each<[string, string | null, Maker, string]>([
    ["none", null, maker, "taken"],
    ["in a millisecond", inMs(1), maker, "taken"],
    ["now", inMs(0), maker, "expiresAt"],
    ["long ago", "2020-01-01T00:00:00.000Z", maker, "expiresAt"],
    ["the same day in five years", "2031-12-01T00:00:00.000Z", maker, "taken"],
    ["the last that is taken", inMs(farthest), maker, "taken"],
    ["beyond it", inMs(farthest + 1), maker, "expiresAt"],
    ["none, by a key of the platform that ends", null, { ...maker, expiresAt: inMs(1) }, "taken"],
    ["that of the bound key that makes it", inMs(1_000), bound, "taken"],
    ["later than that of the bound key", inMs(1_001), bound, "expiresAt"],
    ["none, by a bound key that ends", null, bound, "expiresAt"],
    ["none, by a bound key that has none", null, { ...bound, expiresAt: null }, "taken"],
  ])("%s", (_name, expiresAt, by, verdict) => {
    const refusal = checkApiKeyEnd(expiresAt, by, nowMs);
    expect(refusal?.field ?? "taken").toBe(verdict);
    expect(refusal?.code ?? "meaningless").toBe("meaningless");
  });
});

describe("requireScope", () => {
  it("holds for the key's scopes and names any other", () => {
    for (const scope of ApiKeyScope.options) {
      const result = requireScope(apiKey, scope);
      expect(result.ok).toBe(apiKey.scopes.includes(scope));
      if (!result.ok) {
        expect(result.error.code).toBe("scope_missing");
        expect(result.error.message).toContain(scope);
      }
    }
  });
});

describe("tenantFor", () => {
  const bound = { ...apiKey, tenantId: tenantA };
  it("keeps a bound key in its tenant, whatever the fallback", () => {
    expect(tenantFor(bound, undefined, DEFAULT_TENANT)).toEqual(ok(tenantA));
    expect(tenantFor(bound, undefined, PLATFORM)).toEqual(ok(tenantA));
    expect(tenantFor(bound, tenantA, PLATFORM)).toEqual(ok(tenantA));
    expect(tenantFor(bound, tenantB, PLATFORM)).toMatchObject({
      ok: false,
      error: { code: "tenant_mismatch" },
    });
  });

  it("lets a platform key name a tenant or take the fallback", () => {
    expect(tenantFor(apiKey, tenantB, PLATFORM)).toEqual(ok(tenantB));
    expect(tenantFor(apiKey, undefined, PLATFORM)).toEqual(ok(PLATFORM));
    expect(tenantFor(apiKey, undefined, DEFAULT_TENANT)).toEqual(ok(DEFAULT_TENANT));
  });
});
