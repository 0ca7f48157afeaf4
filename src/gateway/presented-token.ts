/**
 * The capability token as a client presents it: `api-key` (Azure clients), `Authorization: Bearer` (v1 clients), or
 * `Authorization: DPoP` with a proof.
 */
import type { Presented } from "../capability/verify-proof.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";

export function presentedToken(headers: Headers): Result<Presented> {
  const apiKey = headers.get("api-key");
  const authorization = headers.get("authorization");
  const [, written = "", authorized = ""] = /^(Bearer|DPoP) +(\S+)$/i.exec(authorization ?? "") ?? [];
  // Two credentials that differ leave it to chance which one was meant.
  if (apiKey !== null && authorization !== null && apiKey !== authorized)
    return fail(refuse("credentials_conflict"));
  const token = apiKey ?? authorized;
  if (!token) return fail(refuse("token_missing"));
  const scheme = authorization === null ? "api-key" : written.toLowerCase() === "dpop" ? "DPoP" : "Bearer";
  return ok({ token, scheme, proof: headers.get("dpop") });
}
