/** Tells ledgers again what none has acknowledged, and forgets what can stop no token any more. */
import type { DelegationStore } from "../capability/delegations.store.ts";
import type { Clock } from "../kernel/clock.ts";
import type { Home } from "../residency/home.ts";
import { sweepPages } from "./sweep-pages.ts";
import { type TellDeps, tellRevocation } from "./tell-revocation.ts";
import type { TokenRevocation, TokenRevocationStore } from "./token-revocations.store.ts";

interface SweepDeps extends TellDeps {
  readonly tokenRevocations: TokenRevocationStore;
  readonly delegations: Pick<DelegationStore, "forget">;
  readonly clock: Clock;
}

/** For the scheduled handler. */
export async function sweepRevocations(deps: SweepDeps, home: Home): Promise<void> {
  await sweepPages<TokenRevocation>(
    (after, limit) => deps.tokenRevocations.unacknowledged(home, after, limit),
    (revocation) => tellRevocation(deps, revocation),
  );
  await deps.tokenRevocations.forget(home, deps.clock());
  await deps.delegations.forget(home, deps.clock());
}
