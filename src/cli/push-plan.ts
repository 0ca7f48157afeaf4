/** What a push would write: by name, what is new, what differs, and what only the gateway has. */
import type { PolicyInput } from "../policy/policy.ts";
import type { LivePolicy } from "./live-policies.ts";

export type PlannedWrite =
  | { readonly kind: "create"; readonly input: PolicyInput }
  | { readonly kind: "update"; readonly live: LivePolicy; readonly input: PolicyInput }
  | { readonly kind: "delete"; readonly live: LivePolicy };

export interface PushPlan {
  /** In an order in which nothing is open in between that is closed before and after. */
  readonly writes: readonly PlannedWrite[];
  /** Only live, and staying. */
  readonly kept: readonly LivePolicy[];
  /** All that would be live then, in the order of its age. */
  readonly after: readonly PolicyInput[];
}

export function pushPlan(
  inputs: readonly PolicyInput[],
  live: readonly LivePolicy[],
  prunes: boolean,
): PushPlan {
  const wanted = new Map(inputs.map((input) => [input.name, input]));
  const known = new Set(live.map(({ input }) => input.name));
  const writes: PlannedWrite[] = [];
  const kept: LivePolicy[] = [];
  const after: PolicyInput[] = [];
  for (const policy of live) {
    const input = wanted.get(policy.input.name);
    if (input === undefined && prunes) writes.push({ kind: "delete", live: policy });
    else if (input === undefined) kept.push(policy);
    else if (!isSame(input, policy.input)) writes.push({ kind: "update", live: policy, input });
    if (input !== undefined || !prunes) after.push(input ?? policy.input);
  }
  const added = inputs.filter(({ name }) => !known.has(name));
  writes.push(...added.map((input): PlannedWrite => ({ kind: "create", input })));
  return {
    writes: writes.toSorted((left, right) => turnOf(left) - turnOf(right)),
    kept,
    after: [...after, ...added],
  };
}

export const nameOf = (write: PlannedWrite): string =>
  write.kind === "create" ? write.input.name : write.live.input.name;

/** What narrows first, what widens last. */
function turnOf(write: PlannedWrite): number {
  const { effect, kind } = write.kind === "create" ? write.input : write.live.input;
  const narrows = effect === "deny" || kind === "boundary";
  switch (write.kind) {
    case "create":
      return narrows ? 0 : 4;
    case "update":
      return narrows ? 1 : 3;
    case "delete":
      return narrows ? 5 : 2;
  }
}

export const isSame = (left: PolicyInput, right: PolicyInput): boolean =>
  canonical({ ...left, tests: left.tests ?? [] }) === canonical({ ...right, tests: right.tests ?? [] });

const canonical = (value: unknown): string =>
  JSON.stringify(value, (_key, member: unknown) =>
    typeof member === "object" && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([left], [right]) => (left < right ? -1 : 1)))
      : member,
  );
