/**
 * The bindings that every Worker needs, and which of them it lacks. Those of homes are not asked for: a home is bound as a
 * whole or left out, and a Worker with a part of one serves nothing, the doctor included.
 */
export const workerBindings = ["AGENT_LEDGER", "TENANT_LEDGER", "BAD_CREDENTIALS", "PLATFORM_DB"] as const;

export const missingBindings = (isBound: (name: string) => boolean): readonly string[] =>
  workerBindings.filter((name) => !isBound(name));
