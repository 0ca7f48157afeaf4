/**
 * The proofs of possession that one agent's calls have used (RFC 9449, section 11.1). They are kept in memory: a row for
 * each would cost every call a write. What is stored is how late the latest of them was made, once a second at most. A
 * ledger that starts again has forgotten which ones it saw, and takes none that was not made later than that. Pure.
 */
import { SECOND_MS } from "../kernel/clock.ts";
import type { DecisionId } from "../kernel/ids.ts";
import { MAX_USED_PROOFS, PROOF_LIFE_SECONDS } from "../kernel/token-limits.ts";
import type { LedgerRefusal } from "./contracts.ts";
import { ledgerRefusal } from "./ledger-refusal.ts";
import type { UsedProof } from "./used-proof.ts";

export class UsedProofs {
  readonly #usedBy = new Map<string, DecisionId>();
  /** By the second in which they were made, so that forgetting them looks at none of them. */
  readonly #madeIn = new Map<number, string[]>();
  readonly #forgottenUntilSeconds: number;
  readonly #putHorizon: (seconds: number) => void;
  #horizonSeconds: number;

  /** @param horizonSeconds as it was stored; 0 = no proof was used. */
  constructor(horizonSeconds: number, putHorizon: (seconds: number) => void) {
    this.#forgottenUntilSeconds = horizonSeconds;
    this.#horizonSeconds = horizonSeconds;
    this.#putHorizon = putHorizon;
  }

  /** Null where the decision may use it, or has used it. */
  use({ proofId, issuedAtSeconds, usedBy }: UsedProof, nowMs: number): LedgerRefusal | null {
    const nowSeconds = Math.floor(nowMs / SECOND_MS);
    const user = this.#usedBy.get(proofId);
    if (user !== undefined) return user === usedBy ? null : ledgerRefusal("proof_replayed");
    // What is not remembered any more must not come again, however slowly its body came.
    if (isOver(issuedAtSeconds, nowSeconds)) return ledgerRefusal("proof_outdated");
    if (issuedAtSeconds <= this.#forgottenUntilSeconds) {
      const retryAfterSeconds = Math.max(1, this.#forgottenUntilSeconds + 1 - nowSeconds);
      return ledgerRefusal("proof_unsettled", { retryAfterSeconds });
    }
    this.#forget(nowSeconds);
    if (this.#usedBy.size >= MAX_USED_PROOFS) return ledgerRefusal("ledger_overloaded");
    this.#remember(proofId, issuedAtSeconds, usedBy);
    return null;
  }

  #remember(proofId: string, issuedAtSeconds: number, usedBy: DecisionId): void {
    this.#usedBy.set(proofId, usedBy);
    const made = this.#madeIn.get(issuedAtSeconds);
    if (made) made.push(proofId);
    else this.#madeIn.set(issuedAtSeconds, [proofId]);
    if (issuedAtSeconds <= this.#horizonSeconds) return;
    this.#horizonSeconds = issuedAtSeconds;
    this.#putHorizon(issuedAtSeconds);
  }

  #forget(nowSeconds: number): void {
    for (const [issuedAtSeconds, proofIds] of this.#madeIn) {
      if (!isOver(issuedAtSeconds, nowSeconds)) continue;
      for (const proofId of proofIds) this.#usedBy.delete(proofId);
      this.#madeIn.delete(issuedAtSeconds);
    }
  }
}

const isOver = (issuedAtSeconds: number, nowSeconds: number): boolean =>
  !(nowSeconds <= issuedAtSeconds + PROOF_LIFE_SECONDS);
