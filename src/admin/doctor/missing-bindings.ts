/** The bindings a Worker needs, and which of them it lacks. */
import { type Home, homeBindings, homeNames } from "../../residency/home.ts";

export const workerBindings = ["AGENT_LEDGER", "TENANT_LEDGER", "BAD_CREDENTIALS", "PLATFORM_DB"] as const;

export interface MissingBindings {
  readonly worker: readonly string[];
  /** Every home of the table, also those that lack nothing. */
  readonly homes: ReadonlyMap<Home, readonly string[]>;
}

export function missingBindings(isBound: (name: string) => boolean): MissingBindings {
  const lacking = (names: readonly string[]) => names.filter((name) => !isBound(name));
  return {
    worker: lacking(workerBindings),
    homes: new Map(homeNames.map((home) => [home, lacking(homeBindings(home))])),
  };
}
