/**
 * Which tenant's objects an API key reaches (guarantee G7). An object of another tenant is answered like one that
 * does not exist; only naming another tenant outright is a mismatch.
 */
import type { ApiKey } from "../capability/api-key.ts";
import { tenantFor } from "../capability/api-key-auth.ts";
import { PLATFORM, type Scope, type TenantId } from "../kernel/ids.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";

/** Where the caller named the tenant, if it did. */
export type TenantField = "tenantId" | "tenant";

export const canSee = (apiKey: ApiKey, scope: Scope): boolean =>
  apiKey.tenantId === null || apiKey.tenantId === scope;

/** The tenant an operation is about: the one named, else the key's, else the fallback. */
export function tenantOf<F extends Scope>(
  apiKey: ApiKey,
  requested: TenantId | undefined,
  fallback: F,
  field: TenantField,
): Result<TenantId | F> {
  const tenant = tenantFor(apiKey, requested, fallback);
  return tenant.ok ? tenant : fail({ ...tenant.error, field });
}

/** The same where `platform` may be named as well. */
export function scopeOf(
  apiKey: ApiKey,
  requested: Scope | undefined,
  fallback: Scope,
  field: TenantField,
): Result<Scope> {
  if (requested !== PLATFORM) return tenantOf(apiKey, requested, fallback, field);
  return apiKey.tenantId === null ? ok(PLATFORM) : fail(mismatch(field));
}

const mismatch = (field: TenantField): Refusal =>
  refuse("tenant_mismatch", { field, message: "The API key belongs to one tenant and cannot name another." });

export const notFound = (what: string, field?: string): Refusal =>
  refuse("not_found", { message: `There is no such ${what}.`, ...(field === undefined ? {} : { field }) });
