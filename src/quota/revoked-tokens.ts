/**
 * The tokens of one agent that were revoked: single ones until they expire, and all that were issued before a moment.
 * It is asked in the step that charges, so a revocation is effective once it has answered (G3), with no hop of its own.
 * Pure.
 */
import { SECOND_MS } from "../kernel/clock.ts";
import type { TokenId } from "../kernel/ids.ts";
import type { LedgerRefusal, TokenRevocation } from "./contracts.ts";
import type { HeldToken, LedgerCaller } from "./ledger-caller.ts";
import { ledgerRefusal } from "./ledger-refusal.ts";

/** A token's expiry is judged by the gateway's clock, which may be behind the ledger's. */
const KEPT_AFTER_EXPIRY_MS = 60_000;

export interface RevokedToken {
  readonly tokenId: TokenId;
  readonly expiresAtMs: number;
}

export interface SavedRevocations {
  readonly tokens: readonly RevokedToken[];
  readonly notBeforeMs: number;
}

export const NOTHING_REVOKED: SavedRevocations = { tokens: [], notBeforeMs: 0 };

export class RevokedTokens {
  readonly #expiryMs: Map<TokenId, number>;
  #notBeforeMs: number;

  constructor({ tokens, notBeforeMs }: SavedRevocations) {
    this.#expiryMs = new Map(tokens.map(({ tokenId, expiresAtMs }) => [tokenId, expiresAtMs]));
    this.#notBeforeMs = notBeforeMs;
  }

  /** @returns what is to be stored, whole: few tokens are revoked one by one, and they are forgotten once expired. */
  add(
    { tokens, notBeforeMs }: Pick<TokenRevocation, "tokens" | "notBeforeMs">,
    nowMs: number,
  ): SavedRevocations {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, notBeforeMs ?? 0);
    for (const { tokenId, expiresAtMs } of tokens)
      this.#expiryMs.set(tokenId, Math.max(expiresAtMs, this.#expiryMs.get(tokenId) ?? 0));
    for (const [tokenId, expiresAtMs] of this.#expiryMs)
      if (expiresAtMs + KEPT_AFTER_EXPIRY_MS < nowMs) this.#expiryMs.delete(tokenId);
    return {
      tokens: [...this.#expiryMs].map(([tokenId, expiresAtMs]) => ({ tokenId, expiresAtMs })),
      notBeforeMs: this.#notBeforeMs,
    };
  }

  /** Of a token, or of one that it comes from. */
  refusal(caller: Pick<LedgerCaller, "tokenId" | "issuedAtSeconds" | "ancestors">): LedgerRefusal | null {
    const isRevoked = ({ tokenId, issuedAtSeconds }: HeldToken) =>
      this.#expiryMs.has(tokenId) || issuedAtSeconds * SECOND_MS < this.#notBeforeMs;
    return isRevoked(caller) || caller.ancestors?.some(isRevoked) ? ledgerRefusal("token_revoked") : null;
  }
}
