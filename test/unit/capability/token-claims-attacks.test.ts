// The catalogue of single-token attacks on claims, all signed with our own key: a signature does not make a claim ours.
import { describe, expect, it } from "vitest";
import {
  goodClaims,
  goodHeader,
  ISSUER,
  NOW_SECONDS,
  signClaims,
  signTexts,
  verdictOf,
} from "./token-fixture.ts";

type Attack = readonly [name: string, code: string, forge: () => Promise<string>];

const header = JSON.stringify(goodHeader);
const payload = JSON.stringify(goodClaims);

const otherToken = `token_${"9".repeat(32)}`;

const prior = { kid: goodHeader.kid, iat: NOW_SECONDS };
const refreshed = {
  root_jti: otherToken,
  root_iat: NOW_SECONDS,
  refresh_until: NOW_SECONDS + 900,
  prior_keys: [prior],
};
const child = {
  del_depth: 1,
  del_max_depth: 1,
  act: { sub: goodClaims.sub },
  par_hash: "A".repeat(43),
  ancestors: [{ jti: otherToken, iat: NOW_SECONDS }],
  prior_keys: [prior],
};

const without = (name: string) => signClaims({ [name]: undefined });
const claims: readonly Attack[] = [
  ...Object.keys(goodClaims).map(
    (name): Attack => [`no ${name}`, "token_claims_invalid", () => without(name)],
  ),
  ["another issuer", "token_claims_invalid", () => signClaims({ iss: "https://evil.test" })],
  ["an issuer with a slash more", "token_claims_invalid", () => signClaims({ iss: `${ISSUER}/` })],
  ["an issuer as an array", "token_claims_invalid", () => signClaims({ iss: [ISSUER] })],
  ["another audience", "token_claims_invalid", () => signClaims({ aud: "https://other.test" })],
  [
    "our audience among others",
    "token_claims_invalid",
    () => signClaims({ aud: [goodClaims.aud, "https://other.test"] }),
  ],
  ["our audience alone in an array", "token_claims_invalid", () => signClaims({ aud: [goodClaims.aud] })],
  ["exp as a string", "token_claims_invalid", () => signClaims({ exp: String(NOW_SECONDS + 900) })],
  ["exp as a fraction", "token_claims_invalid", () => signClaims({ exp: NOW_SECONDS + 0.5 + 60 })],
  ["exp of null", "token_claims_invalid", () => signClaims({ exp: null })],
  ["exp of 1e308", "token_claims_invalid", () => signClaims({ exp: 1e308 })],
  ["a negative exp", "token_expired", () => signClaims({ exp: -1 })],
  ["a negative iat", "token_claims_invalid", () => signClaims({ iat: -1 })],
  ["iat as a string", "token_claims_invalid", () => signClaims({ iat: String(NOW_SECONDS) })],
  ["a life of an hour and a second", "token_claims_invalid", () => signClaims({ exp: NOW_SECONDS + 3_601 })],
  [
    "a life over a year, issued long ago",
    "token_claims_invalid",
    () => signClaims({ iat: NOW_SECONDS - 31_536_000 }),
  ],
  [
    "an end before the start",
    "token_claims_invalid",
    () => signClaims({ iat: NOW_SECONDS + 5, exp: NOW_SECONDS + 5 }),
  ],
  ["nbf in the future", "token_claims_invalid", () => signClaims({ nbf: NOW_SECONDS + 60 })],
  ["nbf in the past", "token_claims_invalid", () => signClaims({ nbf: NOW_SECONDS - 60 })],
  ["a claim we do not issue", "token_claims_invalid", () => signClaims({ scope: "admin" })],
  [
    "an own __proto__",
    "token_claims_invalid",
    () => signTexts(header, `${payload.slice(0, -1)},"__proto__":{"tid":"tenant-b"}}`),
  ],
  [
    "another subject than the agent",
    "token_claims_invalid",
    () => signClaims({ sub: `agent_${"f".repeat(32)}` }),
  ],
  ["the platform as tenant", "token_claims_invalid", () => signClaims({ tid: "platform" })],
  ["an odd spelling of the tenant", "token_claims_invalid", () => signClaims({ tid: "Tenant-A" })],
  ["an unknown home", "token_claims_invalid", () => signClaims({ home: "mars" })],
  ["a prototype's member as home", "token_claims_invalid", () => signClaims({ home: "constructor" })],
  ["an unknown classification", "token_claims_invalid", () => signClaims({ classification: "secret" })],
  ["roles as text", "token_claims_invalid", () => signClaims({ roles: "analyst" })],
  ["a token as its minter", "token_claims_invalid", () => signClaims({ minted_by: goodClaims.jti })],
  ["no API key as its minter", "token_claims_invalid", () => signClaims({ minted_by: null })],
  ["a key in place of its thumbprint", "token_claims_invalid", () => signClaims({ cnf: { jwk: {} } })],
  ["a thumbprint of other bytes", "token_claims_invalid", () => signClaims({ cnf: { jkt: "AAAA" } })],
  ["a confirmation that confirms nothing", "token_claims_invalid", () => signClaims({ cnf: {} })],
  ["an end user's name", "token_claims_invalid", () => signClaims({ end_user: "alice" })],
  [
    "a chain that may not be refreshed",
    "token_claims_invalid",
    () => signClaims({ ...refreshed, refresh_until: undefined }),
  ],
  [
    "a chain of which it is its own first",
    "token_claims_invalid",
    () => signClaims({ ...refreshed, root_jti: goodClaims.jti }),
  ],
  [
    "a chain that names no keys",
    "token_claims_invalid",
    () => signClaims({ ...refreshed, prior_keys: undefined }),
  ],
  ["a chain of no keys", "token_claims_invalid", () => signClaims({ ...refreshed, prior_keys: [] })],
  ["one key twice", "token_claims_invalid", () => signClaims({ ...refreshed, prior_keys: [prior, prior] })],
  [
    "a key that signed what came before it later",
    "token_claims_invalid",
    () => signClaims({ ...refreshed, prior_keys: [{ ...prior, iat: NOW_SECONDS + 1 }] }),
  ],
  [
    "a key of another name than a thumbprint",
    "token_claims_invalid",
    () => signClaims({ ...refreshed, prior_keys: [{ ...prior, kid: "key" }] }),
  ],
  [
    "nine keys before its own",
    "token_claims_invalid",
    () =>
      signClaims({
        ...refreshed,
        prior_keys: [..."123456789"].map((digit) => ({ ...prior, kid: digit.repeat(43) })),
      }),
  ],
  [
    "keys of tokens that it does not come from",
    "token_claims_invalid",
    () => signClaims({ prior_keys: [prior] }),
  ],
  ["the chain of a child", "token_claims_invalid", () => signClaims({ ...child, ...refreshed })],
  [
    "a child that may be refreshed",
    "token_claims_invalid",
    () => signClaims({ ...child, refresh_until: NOW_SECONDS + 900 }),
  ],
  [
    "a chain that does not say when it began",
    "token_claims_invalid",
    () => signClaims({ ...refreshed, root_iat: undefined }),
  ],
  [
    "a beginning without a chain",
    "token_claims_invalid",
    () => signClaims({ root_iat: NOW_SECONDS, refresh_until: NOW_SECONDS + 900 }),
  ],
  [
    "a chain that began after its token",
    "token_claims_invalid",
    () => signClaims({ ...refreshed, root_iat: NOW_SECONDS + 1 }),
  ],
  [
    "a chain that began a day and a second before its end",
    "token_claims_invalid",
    () => signClaims({ ...refreshed, root_iat: NOW_SECONDS - 85_501 }),
  ],
  [
    "an end after that of its chain",
    "token_claims_invalid",
    () => signClaims({ refresh_until: NOW_SECONDS + 899 }),
  ],
  [
    "a chain of a day and a second",
    "token_claims_invalid",
    () => signClaims({ refresh_until: NOW_SECONDS + 86_401 }),
  ],
  ["agent version 0", "token_claims_invalid", () => signClaims({ agent_version: 0 })],
  [
    "no authorization at all, spelt []",
    "token_claims_invalid",
    () => signClaims({ authorization_details: [] }),
  ],
  ["authorization of null", "token_claims_invalid", () => signClaims({ authorization_details: null })],
  ...authorizationAttacks([
    ["another type", { type: "payment" }],
    ["an unknown action", { actions: ["root"] }],
    ["no location", { locations: [] }],
    ["a location to be normalised", { locations: ["api://azure-openai/models/../admin"] }],
    ["an unknown constraint", { constraints: { maxTokensPerFortnight: 1 } }],
    ["a constraint of the wrong type", { constraints: { maxTokensPerRequest: "1" } }],
    ["an unknown member", { privileges: ["all"] }],
  ]),
];

function authorizationAttacks(changes: readonly (readonly [string, object])[]): readonly Attack[] {
  const detail = { type: "model_invocation", actions: ["chat"], locations: ["*"], constraints: {} };
  return changes.map(([name, change]) => [
    `authorization with ${name}`,
    "token_claims_invalid",
    () => signClaims({ authorization_details: [{ ...detail, ...change }] }),
  ]);
}

describe("claims", () => {
  it("are accepted before any attack, so that each refusal is the attack's", async () => {
    expect(await verdictOf(await signClaims({}))).toBe("accepted");
  });

  it("are accepted at their edges", async () => {
    const last = { ...refreshed, refresh_until: NOW_SECONDS + 86_400 };
    expect(await verdictOf(await signClaims(last))).toBe("accepted");
    expect(await verdictOf(await signClaims({ refresh_until: NOW_SECONDS + 900 }))).toBe("accepted");
    expect(await verdictOf(await signClaims(refreshed))).toBe("accepted");
    expect(await verdictOf(await signClaims(child))).toBe("accepted");
  });

  it.each(claims)("%s → %s", async (_name, code, forge) => {
    expect(await verdictOf(await forge())).toBe(code);
  });
});
