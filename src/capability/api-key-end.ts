/** Which end a new API key may have. */
import { DAY_MS } from "../kernel/clock.ts";
import { API_KEY_MAX_DAYS } from "../kernel/limits.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { hasEnded, type Timestamp } from "../kernel/timestamp.ts";
import type { ApiKey } from "./api-key.ts";

/** Why a key may not have this end, or null. */
export function checkApiKeyEnd(
  expiresAt: Timestamp | null,
  maker: Pick<ApiKey, "tenantId" | "expiresAt">,
  nowMs: number,
): Refusal | null {
  const refused = (message: string) => refuse("meaningless", { field: "expiresAt", message });
  if (hasEnded(expiresAt, nowMs)) return refused("`expiresAt` must lie in the future.");
  const endMs = expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
  if (expiresAt !== null && endMs - nowMs > API_KEY_MAX_DAYS * DAY_MS) {
    return refused(
      `\`expiresAt\` lies at most ${API_KEY_MAX_DAYS} days ahead; leave it out for a key without an end.`,
    );
  }
  // As with scopes: a bound key would otherwise outlast what its tenant's administrator gave it, in a key of its own.
  const outlasts = maker.expiresAt !== null && endMs > Date.parse(maker.expiresAt);
  if (maker.tenantId !== null && outlasts) {
    return refused(`The API key ends at ${maker.expiresAt} and cannot make one that ends later.`);
  }
  return null;
}
