/** The capability token as a client presents it: `api-key` (Azure clients) or `Authorization: Bearer` (v1 clients). */
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";

export function presentedToken(headers: Headers): Result<string> {
  const apiKey = headers.get("api-key");
  const authorization = headers.get("authorization");
  const bearer = authorization === null ? null : (/^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "");
  // Two credentials that differ leave it to chance which one was meant.
  if (apiKey !== null && bearer !== null && apiKey !== bearer) return fail(refuse("credentials_conflict"));
  const token = apiKey ?? bearer;
  return token ? ok(token) : fail(refuse("token_missing"));
}
