/** Tells ledgers again what none has acknowledged, and forgets what can stop no token any more. */
import type { Clock } from "../kernel/clock.ts";
import type { Result } from "../kernel/result.ts";
import type { Home } from "../residency/home.ts";
import { type TellDeps, tellRevocation } from "./tell-revocation.ts";
import type { TokenRevocation, TokenRevocationStore } from "./token-revocations.store.ts";

const SWEEP_PAGE = 100;
const SWEEP_MAX_PAGES = 10;

interface SweepDeps extends TellDeps {
  readonly tokenRevocations: TokenRevocationStore;
  readonly clock: Clock;
}

/** For the scheduled handler. Goes on past ledgers that cannot be reached. */
export async function sweepRevocations(deps: SweepDeps, home: Home): Promise<void> {
  let after: TokenRevocation | null = null;
  for (let page = 0; page < SWEEP_MAX_PAGES; page += 1) {
    const found: Result<readonly TokenRevocation[]> = await deps.tokenRevocations.unacknowledged(
      home,
      after,
      SWEEP_PAGE,
    );
    if (!found.ok) break;
    await Promise.all(found.value.map((revocation) => tellRevocation(deps, revocation)));
    after = found.value.at(-1) ?? null;
    if (found.value.length < SWEEP_PAGE) break;
  }
  await deps.tokenRevocations.forget(home, deps.clock());
}
