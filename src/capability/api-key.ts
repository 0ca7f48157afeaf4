/**
 * API keys open the control plane: scopes, and optionally one tenant that the key cannot leave. The text is 256
 * random bits, shown once; only its SHA-256 is stored (a slow hash would add nothing to that much entropy).
 */
import * as z from "zod";
import type { RandomBytes } from "../kernel/clock.ts";
import { sha256Hex } from "../kernel/digest.ts";
import { toBase64Url } from "../kernel/encoding.ts";
import { ApiKeyId, TenantId } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";

export const ApiKeyScope = z.enum([
  "agents:read",
  "agents:write",
  "policies:read",
  "policies:write",
  "tokens:read",
  "tokens:write",
  "enforce",
  "tenants:read",
  "tenants:write",
  "deployments:read",
  "deployments:write",
  "keys:read",
  "keys:write",
  "audit:read",
  "usage:read",
  "approvals:read",
  "approvals:write",
]);
export type ApiKeyScope = z.infer<typeof ApiKeyScope>;

export const ApiKeyInput = z.strictObject({
  name: z.string().min(1).max(200),
  scopes: z
    .array(ApiKeyScope)
    .min(1)
    .refine((scopes) => new Set(scopes).size === scopes.length, "names a scope twice"),
  /** Absent = a key of the platform. */
  tenantId: TenantId.optional(),
  expiresAt: Timestamp.optional().meta({
    description: "The key opens nothing from then on. Absent = it has no end.",
  }),
});
export type ApiKeyInput = z.infer<typeof ApiKeyInput>;

export const ApiKey = z.strictObject({
  id: ApiKeyId,
  name: z.string(),
  scopes: z.array(ApiKeyScope),
  tenantId: TenantId.nullable(),
  createdAt: Timestamp,
  expiresAt: Timestamp.nullable(),
});
export type ApiKey = z.infer<typeof ApiKey>;

/** The prefix lets secret scanners find a leaked key. */
const apiKeyText = /^pk_[A-Za-z0-9_-]{43}$/;

export const mintApiKeyText = (random: RandomBytes): string => `pk_${toBase64Url(random(32))}`;

export const isApiKeyText = (text: string): boolean => apiKeyText.test(text);

export const apiKeyHash = (text: string): Promise<string> => sha256Hex(text);
