/**
 * Which requests two sets of policies decide differently: all of them, in classes, each with one request that shows it.
 * Exact, because policies tell finitely many requests apart; where the work would exceed its bound, what was left out is
 * said. Only the policies' own answer is compared: what ledgers have left is no part of it.
 */
import { PLATFORM } from "../../kernel/ids.ts";
import { Action } from "../action.ts";
import { type PolicySet, snapshotOfSet, standingPolicies } from "../as-code/policy-set.ts";
import { casesOf, type TestQuestion } from "../as-code/test-case.ts";
import { decide } from "../decide.ts";
import { type Outcome, outcomeOf } from "../outcome.ts";
import { PolicyInput } from "../policy.ts";
import type { Snapshot } from "../snapshot.ts";
import { type Area, areasOf } from "./areas.ts";
import { type Cell, cellGroups, resourcesOf, type Side } from "./cells.ts";
import { type Certificate, certificatesOf } from "./certificates.ts";
import { dimensionsOf } from "./dimensions.ts";
import type { Entry } from "./entry.ts";
import { plainPoint, SOME_MOMENT_MS } from "./plain-point.ts";
import { questionOf } from "./point.ts";
import { type Budget, spaceOf, type Wanted } from "./search.ts";
import { plainest, pointOf } from "./witness.ts";

export type Assumption = "no_own_policies" | "grants_everything";

/** Why a set decides as it does; the policy where the other set has none that means the same. */
export interface Cause {
  readonly kind: Certificate["kind"];
  readonly policy: string | null;
}

export interface ChangedClass {
  readonly from: Outcome;
  readonly to: Outcome;
  readonly before: Cause;
  readonly after: Cause;
  /** Of the platform's policies: what tenants' own are taken to be. */
  readonly assuming: Assumption | null;
  readonly areas: readonly Area[];
  readonly witness: TestQuestion;
}

export interface PolicyDiff {
  readonly exact: boolean;
  readonly classes: readonly ChangedClass[];
  /** Where it is not known whether anything changed. */
  readonly leftOut: readonly Area[];
}

export interface DiffOptions {
  /** Requests before this moment are of no interest; null = all are. */
  readonly fromMs: number | null;
  readonly budget: Budget;
}

/** Of which the command line has time for. */
export const AMPLE_STEPS = 50_000_000;

/** @param before and after of the same scope, tenant and deployments. */
export function policyDiff(before: PolicySet, after: PolicySet, options: DiffOptions): PolicyDiff {
  const found = worldsOf(before, after).map((world) => diffOfWorld(world, options));
  return {
    exact: found.every(({ leftOut }) => leftOut.length === 0),
    classes: found.flatMap(({ classes }) => classes),
    leftOut: found.flatMap(({ leftOut }) => leftOut),
  };
}

interface World {
  readonly assuming: Assumption | null;
  readonly before: PolicySet;
  readonly after: PolicySet;
}

/**
 * The platform's policies decide together with each tenant's own, which are not at hand: they are held against a tenant
 * without any, where only the platform's grants count, and against one that grants everything, where all else does.
 */
export function worldsOf(before: PolicySet, after: PolicySet): readonly World[] {
  if (before.scope !== PLATFORM) return [{ assuming: null, before, after }];
  const world = (assuming: Assumption, policies: PolicySet["policies"]): World => ({
    assuming,
    before: { ...before, policies },
    after: { ...after, policies },
  });
  return [world("no_own_policies", []), world("grants_everything", everything)];
}

const everything = standingPolicies(
  [PolicyInput.parse({ name: "everything", effect: "allow", actions: ["*"], resources: ["*"] })],
  PLATFORM,
  "e",
);

interface FoundClass extends Omit<ChangedClass, "areas"> {
  readonly cells: Cell[];
}

function diffOfWorld(
  { assuming, before, after }: World,
  { fromMs, budget }: DiffOptions,
): { readonly classes: readonly ChangedClass[]; readonly leftOut: readonly Area[] } {
  const resources = resourcesOf([before, after]).map(({ resource }) => resource);
  const snapshots: SidePair<Snapshot> = [snapshotOfSet(before, resources), snapshotOfSet(after, resources)];
  const plain = plainPoint(before.tenant, fromMs ?? SOME_MOMENT_MS);
  const classes = new Map<string, FoundClass>();
  const leftOut: Cell[] = [];

  const groups = cellGroups([before, after], true, budget);
  if (groups === "undecided") return { classes: [], leftOut: [EVERYTHING] };
  for (const group of groups) {
    const [left, right] = group.sides;
    if (left === undefined || right === undefined || isSame(left, right)) continue;
    const surroundings = { anyTenant: assuming !== null, fromMs };
    const dimensions = dimensionsOf(group.entries, group.context, surroundings);
    const space = spaceOf(group.entries, dimensions, plain, budget);
    const own: SidePair<ReadonlySet<Entry>> = [ownOf(left, right), ownOf(right, left)];
    const seen = new Set<string>();
    let isUndecided = false;
    for (const one of certificatesOf(left)) {
      for (const other of certificatesOf(right)) {
        if (one.outcome === other.outcome) continue;
        const told = {
          from: one.outcome,
          to: other.outcome,
          before: causeOf(one, own[0]),
          after: causeOf(other, own[1]),
          assuming,
        };
        const key = JSON.stringify(told);
        if (seen.has(key)) continue;
        const wanted = both(one, other);
        const found = space.find(wanted);
        if (found === "none") continue;
        if (found === "undecided") {
          isUndecided = true;
          continue;
        }
        const point = pointOf(
          plainest(found, (chosen) => space.keeps(wanted, chosen)),
          plain,
        );
        const { action, resource } = group.first;
        const witness = questionOf(point, plain, action, resource.resource);
        // What is reported was seen: a witness that the decision core does not confirm is none.
        if (!confirms(witness, snapshots, told)) {
          isUndecided = true;
          continue;
        }
        seen.add(key);
        const known = classes.get(key);
        if (known) known.cells.push(...group.cells);
        else classes.set(key, { ...told, witness, cells: [...group.cells] });
      }
    }
    if (isUndecided) leftOut.push(...group.cells);
  }
  return {
    classes: [...classes.values()].map(({ cells, ...told }) => ({ ...told, areas: areasOf(cells) })),
    leftOut: areasOf(leftOut),
  };
}

const EVERYTHING: Area = { actions: Action.options, resources: ["*"] };

type SidePair<T> = readonly [before: T, after: T];

const entriesOf = ({ grants, denies, boundaries }: Side): readonly Entry[] => [
  ...grants,
  ...denies,
  ...boundaries,
];

/** Those that the other side has no equal of. */
function ownOf(side: Side, other: Side): ReadonlySet<Entry> {
  const known = new Set(entriesOf(other));
  return new Set(entriesOf(side).filter((entry) => !known.has(entry)));
}

const isSame = (left: Side, right: Side): boolean =>
  ownOf(left, right).size === 0 && ownOf(right, left).size === 0;

const causeOf = ({ kind, entry }: Certificate, own: ReadonlySet<Entry>): Cause => ({
  kind,
  policy: entry !== null && own.has(entry) ? entry.policy.name : null,
});

const both = (one: Wanted, other: Wanted): Wanted => ({
  holding: [...one.holding, ...other.holding],
  fallen: [...one.fallen, ...other.fallen],
});

function confirms(
  witness: TestQuestion,
  [before, after]: SidePair<Snapshot>,
  { from, to }: { readonly from: Outcome; readonly to: Outcome },
): boolean {
  const decided = (snapshot: Snapshot) =>
    [...casesOf(witness, snapshot)].map(({ input }) => outcomeOf(decide(input)));
  return (
    decided(before).every((outcome) => outcome === from) && decided(after).every((outcome) => outcome === to)
  );
}
