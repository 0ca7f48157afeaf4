/**
 * Who uses the control plane, with which scopes, for which tenant. The look-up is by hash, so neither the index nor
 * the comparison can leak the key through timing; anything that is not shaped like a key costs no look-up at all.
 */
import type { Clock } from "../kernel/clock.ts";
import { equalInConstantTime } from "../kernel/digest.ts";
import type { Scope, TenantId } from "../kernel/ids.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { hasEnded } from "../kernel/timestamp.ts";
import { type ApiKey, type ApiKeyScope, apiKeyHash, isApiKeyText } from "./api-key.ts";

export interface StoredApiKey {
  readonly apiKey: ApiKey;
  /** SHA-256 of the key's text in hex. */
  readonly hash: string;
}

export interface ApiKeyLookUp {
  /** Null when no key has this hash; refused when the store cannot be asked. */
  find(hash: string): Promise<Result<StoredApiKey | null>>;
}

export interface ApiKeyAuthPorts extends ApiKeyLookUp {
  readonly clock: Clock;
}

/** @param headerValue the `X-Api-Key` header, null when it was not sent. */
export async function authenticateApiKey(
  { find, clock }: ApiKeyAuthPorts,
  headerValue: string | null,
): Promise<Result<ApiKey>> {
  if (headerValue === null || headerValue === "") return fail(refuse("api_key_missing"));
  if (!isApiKeyText(headerValue)) return fail(refuse("api_key_invalid"));
  const hash = await apiKeyHash(headerValue);
  const found = await find(hash);
  if (!found.ok) return found;
  if (found.value === null || !equalInConstantTime(found.value.hash, hash)) {
    return fail(refuse("api_key_invalid"));
  }
  // Told only to who holds the key's text. The clock is read now, so that a slow look-up prolongs no life.
  const { apiKey } = found.value;
  return hasEnded(apiKey.expiresAt, clock()) ? fail(refuse("api_key_expired")) : ok(apiKey);
}

export function requireScope(apiKey: ApiKey, scope: ApiKeyScope): Result<ApiKey> {
  if (apiKey.scopes.includes(scope)) return ok(apiKey);
  const message = `The API key lacks the scope \`${scope}\`.`;
  return fail(refuse("scope_missing", { message, evidence: { scope } }));
}

/**
 * The tenant an operation is about. A bound key has no other tenant than its own; a platform key says which, or
 * gets the operation's fallback.
 */
export function tenantFor<F extends Scope>(
  apiKey: ApiKey,
  requested: TenantId | undefined,
  fallback: F,
): Result<TenantId | F> {
  if (apiKey.tenantId === null) return ok(requested ?? fallback);
  if (requested === undefined || requested === apiKey.tenantId) return ok(apiKey.tenantId);
  const message = "The API key belongs to another tenant.";
  return fail(refuse("tenant_mismatch", { field: "tenantId", message }));
}
