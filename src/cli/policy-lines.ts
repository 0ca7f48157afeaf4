/** What is known of policies as lines for people. */
import type { TestQuestion } from "../policy/as-code/test-case.ts";
import { gapsOf, type PolicyCoverage } from "../policy/as-code/test-coverage.ts";
import type { ToldClass, ToldDiff, ValidationReport } from "../policy/as-code/validation-report.ts";
import { printable } from "./printable.ts";

type Failure = NonNullable<ValidationReport["tests"]>["failures"][number];

export const failureLines = (failures: readonly Failure[]): readonly string[] =>
  failures.map((failure) => {
    const { carrier, test, principal, action, resource, expected, actual, policy, constraint } = failure;
    const because = [
      policy === null ? "by no policy" : `by "${policy}"`,
      ...(constraint ? [constraint] : []),
    ];
    return printable(
      `FAIL ${carrier === null ? "" : `${carrier} › `}${test}: ${factsOf({ principals: [principal] })}${action} ${resource}: expected ${decided(expected)}, was ${decided(actual)} ${because.join(", ")}`,
    );
  });

const decided = ({ decision, code }: Failure["actual"]): string =>
  code === null ? decision : `${decision} (${code})`;

export function coverageLines(coverage: readonly PolicyCoverage[]): readonly string[] {
  const constraints = coverage.flatMap((policy) => policy.constraints);
  const both = constraints.filter(({ held, failed }) => held > 0 && failed > 0).length;
  const deciding = coverage.filter(({ decided: count, matched }) => count + matched > 0).length;
  return [
    `coverage: ${deciding} of ${coverage.length} policies hold in some case, ${both} of ${constraints.length} constraints hold and fail`,
    ...gapsOf(coverage).map((gap) => printable(`  ${gap}`)),
  ];
}

export function diffLines(diff: ToldDiff): readonly string[] {
  const classes = [...diff.becomesAllowed, ...diff.becomesDenied, ...diff.becomesPending];
  return [
    ...classes.flatMap(classLines),
    ...diff.leftOut.map(({ actions, resources }) =>
      printable(`? not judged: ${actions.join(", ")} on ${resources.join(", ")}`),
    ),
    ...(classes.length === 0 && diff.exact ? ["No request is decided otherwise."] : []),
    ...(diff.exact ? [] : ["This is not all: the work would have been too much."]),
  ];
}

const signs = { allowed: "+", denied: "-", pending_approval: "~" } as const;

function classLines({ from, to, before, after, assuming, areas, witness }: ToldClass): readonly string[] {
  return [
    `${signs[to]} ${from} → ${to}${assuming === null ? "" : ` (${assumptions[assuming]})`}: ${causeOf(before, "was")}, ${causeOf(after, "is")}`,
    ...areas.map(({ actions, resources }) => `    ${actions.join(", ")} on ${resources.join(", ")}`),
    `    such as ${factsOf(witness)}${witness.actions.join()} ${witness.resources.join()}`,
  ].map(printable);
}

const assumptions = {
  no_own_policies: "for a tenant without policies of its own",
  grants_everything: "for a tenant that grants everything",
} as const;

function causeOf({ kind, policy }: ToldClass["before"], verb: "was" | "is"): string {
  const by = policy === null ? "" : ` by "${policy}"`;
  switch (kind) {
    case "granted":
      return `${verb} granted${by}`;
    case "denied":
      return `${verb} denied${by}`;
    case "outside":
      return policy === null ? `${verb} outside a boundary` : `${verb} outside "${policy}"`;
    case "no_grant":
      return `${verb} granted by none`;
  }
}

/** Only what is said: all else is as in any test. */
function factsOf({ principals, place = {}, ask = {}, at }: Partial<TestQuestion>): string {
  const facts = [
    ...Object.entries(principals?.[0] ?? {}),
    ...Object.entries(place),
    ...Object.entries(ask),
    ...(at === undefined ? [] : [["at", at] as const]),
  ].map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return facts.length === 0 ? "" : `${facts.join(", ")}: `;
}
