/**
 * The tokens of one agent that were refreshed, each with the one token that it was refreshed into: told again for a moment
 * to whoever asks with the old one, since the answer may have been lost, so that never two descend from one. Apart from
 * that the old one opens nothing. Pure.
 */
import * as z from "zod";
import { SECOND_MS } from "../kernel/clock.ts";
import { TokenId } from "../kernel/ids.ts";
import { MAX_REFRESHED_TOKENS, REFRESH_AGAIN_MS } from "../kernel/token-limits.ts";
import type { LedgerRefusal } from "./contracts.ts";
import { ledgerRefusal } from "./ledger-refusal.ts";
import { KEPT_AFTER_EXPIRY_MS } from "./revoked-tokens.ts";
import { type RefreshRequest, SuccessorToken } from "./token-contracts.ts";

export const RefreshedToken = z.object({
  tokenId: TokenId,
  expiresAtMs: z.int(),
  refreshedAtMs: z.int(),
  successor: SuccessorToken,
});
export type RefreshedToken = z.infer<typeof RefreshedToken>;

/** After that it is refused as expired, whatever the gateway's clock says. */
export const refreshedUntilMs = ({ expiresAtSeconds }: Pick<RefreshRequest, "expiresAtSeconds">): number =>
  expiresAtSeconds * SECOND_MS + KEPT_AFTER_EXPIRY_MS;

export class RefreshedTokens {
  readonly #known: Map<TokenId, RefreshedToken>;
  readonly #put: (refreshed: RefreshedToken) => void;

  constructor(saved: readonly RefreshedToken[], put: (refreshed: RefreshedToken) => void) {
    this.#known = new Map(saved.map((refreshed) => [refreshed.tokenId, refreshed]));
    this.#put = put;
  }

  /** Of any call but a refresh. */
  refusal(tokenId: TokenId): LedgerRefusal | null {
    return this.#known.has(tokenId) ? ledgerRefusal("token_refreshed") : null;
  }

  refresh(
    { caller: { tokenId }, expiresAtSeconds, successor }: RefreshRequest,
    nowMs: number,
  ): SuccessorToken | LedgerRefusal {
    const known = this.#known.get(tokenId);
    // Once that one was refreshed itself, whoever asks has missed more than an answer.
    if (known !== undefined)
      return nowMs < known.refreshedAtMs + REFRESH_AGAIN_MS && !this.#known.has(known.successor.tokenId)
        ? known.successor
        : ledgerRefusal("token_refreshed");
    this.#forget(nowMs);
    if (this.#known.size >= MAX_REFRESHED_TOKENS) return ledgerRefusal("ledger_overloaded");
    const refreshed = {
      tokenId,
      expiresAtMs: expiresAtSeconds * SECOND_MS,
      refreshedAtMs: nowMs,
      successor,
    };
    this.#known.set(tokenId, refreshed);
    this.#put(refreshed);
    return successor;
  }

  #forget(nowMs: number): void {
    for (const [tokenId, { expiresAtMs }] of this.#known)
      if (expiresAtMs + KEPT_AFTER_EXPIRY_MS < nowMs) this.#known.delete(tokenId);
  }
}
