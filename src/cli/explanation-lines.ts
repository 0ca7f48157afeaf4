/** An explained decision as lines for people: what was asked, what decided, each policy, and what would have been enough. */
import type { ExplainedDecision } from "../audit/explained-decision.ts";
import type { FailedConstraint, PolicyView } from "../policy/explain/explanation.ts";
import { printable } from "./printable.ts";

type Json = FailedConstraint["limit"];

export function explanationLines({ record, completion, explanation }: ExplainedDecision): readonly string[] {
  const { again, trace, quota, nearest, notes } = explanation;
  const lines = [
    `${explanation.decision} (${explanation.reason.code}): ${explanation.reason.message}`,
    ...facts([
      ["asked", askedText(record)],
      ["by", `${record.agentId ?? "nobody"} of ${record.tenantId}`],
      ["at", `${record.at}, requested as ${record.requestId}`],
      ["decided by", record.policyIds.join(", ") || explanation.decidedBy],
      ["ended", completion && `${completion.end}, ${completion.chargedTokens ?? "unknown"} tokens charged`],
      [
        "quota",
        quota &&
          `${quota.owner}: ${quota.meter} per ${quota.window} and ${quota.scope}, ${quota.left} of ${quota.limit} left${quota.resetsAt === null ? "" : `, full again at ${quota.resetsAt}`}`,
      ],
    ]),
    ...(again === null ? trace.map(traceLine) : policyLines(again)),
    ...(again === null || again.approvalFrom.length === 0
      ? []
      : [`Needs the approval of somebody else, by ${again.approvalFrom.join(", ")}.`]),
    ...(nearest === null ? [] : [`Nearest change: ${nearest.sentence}`]),
    ...notes.map((note) => `Note: ${note}`),
  ];
  return lines.map(printable);
}

const NAME_WIDTH = 12;

const facts = (given: readonly (readonly [name: string, fact: string | null])[]): readonly string[] =>
  given.flatMap(([name, fact]) => (fact === null ? [] : [`${`${name}:`.padEnd(NAME_WIDTH)}${fact}`]));

function askedText({ action, resource, classification, inputs }: ExplainedDecision["record"]): string {
  const ask = inputs?.ask;
  return [
    `${action ?? "unknown"} on ${resource ?? "an unknown resource"}`,
    ...(classification === null ? [] : [`${classification} data`]),
    ...(ask ? [`${ask.promptTokens ?? "unbounded"} prompt tokens`] : ["before its body was read"]),
  ].join(", ");
}

function policyLines(again: NonNullable<ExplainedDecision["explanation"]["again"]>): readonly string[] {
  const { policies, more, notCovering, token, tenant } = again;
  return [
    ...policies.map(policyLine),
    ...(token ?? []).map(
      ({ covers, failed }, index) =>
        `${(covers ? (failed.length === 0 ? "covers" : "dropped") : "not covering").padEnd(NAME_WIDTH)} detail ${index} of the token${failedText(failed)}`,
    ),
    ...(tenant.length === 0 ? [] : [`${"refuses".padEnd(NAME_WIDTH)} the tenant${failedText(tenant)}`]),
    ...(more === 0 ? [] : [`and ${more} more policies`]),
    ...(notCovering === 0
      ? []
      : [
          notCovering === 1
            ? "1 policy is for something else."
            : `${notCovering} policies are for something else.`,
        ]),
  ];
}

const policyLine = ({ outcome, kind, policyId, name, failed }: PolicyView): string =>
  `${outcome.padEnd(NAME_WIDTH)} ${kind} ${policyId} ${JSON.stringify(name)}${failedText(failed)}`;

const failedText = (failed: readonly FailedConstraint[]): string =>
  failed.length === 0 ? "" : `: ${failed.map(failureText).join("; ")}`;

function failureText({ constraint, code, actual, limit }: FailedConstraint): string {
  const compared = [
    ...(actual === null ? [] : [valueText(actual)]),
    ...(limit === null ? [] : [`against ${valueText(limit)}`]),
  ].join(" ");
  return `${constraint} ${code}${compared === "" ? "" : ` (${compared})`}`;
}

const valueText = (value: Json): string =>
  Array.isArray(value)
    ? value.map(String).join(", ")
    : typeof value === "object"
      ? JSON.stringify(value)
      : String(value);

const traceLine = ({
  policyId,
  outcome,
  code,
  evidence,
}: ExplainedDecision["explanation"]["trace"][number]) =>
  `${outcome.padEnd(NAME_WIDTH)} ${policyId}${code === undefined ? "" : ` (${code} ${JSON.stringify(evidence ?? {})})`}`;
