/** When the token that a call came with ends, and from when on its client does well to refresh it: durations, as clocks differ. */
import type { Capability } from "../capability/claims.ts";
import { SECOND_MS } from "../kernel/clock.ts";
import { REFRESH_AFTER_PART } from "../kernel/token-limits.ts";

type Lifetime = Pick<Capability, "issuedAtSeconds" | "expiresAtSeconds" | "refreshUntilSeconds">;

export const EXPIRES_IN_HEADER = "portcullis-token-expires-in";
/** Only where the token can be refreshed beyond its end. */
export const REFRESH_AFTER_HEADER = "portcullis-refresh-after";

export function setTokenHeaders(headers: Headers, lifetime: Lifetime, nowMs: number): void {
  const { issuedAtSeconds, expiresAtSeconds } = lifetime;
  const nowSeconds = Math.floor(nowMs / SECOND_MS);
  headers.set(EXPIRES_IN_HEADER, String(Math.max(0, expiresAtSeconds - nowSeconds)));
  if (!canOutlast(lifetime)) return;
  const advisedAt = issuedAtSeconds + Math.floor((expiresAtSeconds - issuedAtSeconds) * REFRESH_AFTER_PART);
  headers.set(REFRESH_AFTER_HEADER, String(Math.max(0, advisedAt - nowSeconds)));
}

/** Whether a refreshed token could end later than this one does. */
export const canOutlast = ({
  expiresAtSeconds,
  refreshUntilSeconds,
}: Pick<Lifetime, "expiresAtSeconds" | "refreshUntilSeconds">): boolean =>
  refreshUntilSeconds !== null && expiresAtSeconds < refreshUntilSeconds;
