/** The order in which policies are tried: by priority, then age, then id. */
import type { Policy } from "./policy.ts";

type Ordered = Pick<Policy, "priority" | "createdAt" | "id">;

export const inOrder = <T>(items: readonly T[], policyOf: (item: T) => Ordered): readonly T[] =>
  items.toSorted((left, right) => compare(policyOf(left), policyOf(right)));

const compare = (left: Ordered, right: Ordered): number =>
  left.priority - right.priority ||
  compareText(left.createdAt, right.createdAt) ||
  compareText(left.id, right.id);

const compareText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
