// A decision made again from its record is what the gateway would decide about the same request, or nobody can tell.
import fc from "fast-check";
import { expect, it } from "vitest";
import { DecisionRecord } from "../../../src/audit/audit-record.ts";
import { redecide, type World } from "../../../src/audit/redecide.ts";
import { dearestPrice } from "../../../src/azure/prices.ts";
import { decisionRecordOf } from "../../../src/gateway/decision-record.ts";
import type { Judgement, Question } from "../../../src/gateway/question.ts";
import { refusedAs } from "../../../src/gateway/refused-as.ts";
import { refuse } from "../../../src/kernel/refusal.ts";
import { policyAdmission } from "../../../src/policy/admission.ts";
import { type AskContent, UNREAD_CONTENT } from "../../../src/policy/content.ts";
import { decide } from "../../../src/policy/decide.ts";
import type { Ask, Candidate } from "../../../src/policy/decision.ts";
import { asksForContent, knownDemand } from "../../../src/policy/known-demand.ts";
import { outcomeOf } from "../../../src/policy/outcome.ts";
import type { Policy } from "../../../src/policy/policy.ts";
import { createCases } from "../../../src/policy/unsure.ts";
import { NO_PROMISE } from "../../../src/residency/promise.ts";
import { allowedWith, question } from "../gateway/gateway-fixture.ts";
import { type DecideInput, policyId, policyOf } from "../policy/decide-fixture.ts";
import { anyCircumstances, inputOf, policySet } from "../policy/policy-arbitraries.ts";

/** What is true of a request, whether anybody looks or not. */
const anyTruth = fc.record({
  // What admission keeps out whatever the policies say is no question here.
  circumstances: anyCircumstances.map((drawn) => ({
    ...drawn,
    limits: drawn.limits.maxRequestsPerDay === undefined ? {} : drawn.limits,
    place: { ...drawn.place, country: "DE" },
    promise: drawn.promise.zone === "us" ? NO_PROMISE : drawn.promise,
    ask: { ...drawn.ask, deployment: "gpt-4", resource: "api://azure-openai/models/gpt-4" },
  })),
  surface: fc.constantFrom("relay" as const, "relay" as const, "enforce" as const),
  texts: fc.option(
    fc.record({
      characters: fc.constantFrom(100, 400, 401),
      literals: fc.subarray(["<script", "secret", "data:image/"]),
    }),
  ),
  parameters: fc.constantFrom({}, { temperature: 0.5 }, { temperature: 2, n: 2 }),
  uncountedTokens: fc.constantFrom(0, 0, 300),
  passes: fc.record({ residency: fc.boolean(), tools: fc.boolean() }),
});
type Truth = typeof anyTruth extends fc.Arbitrary<infer T> ? T : never;

/** Random sets rarely allow: half of these are one grant that says little, and what it says is about what is hard to know. */
const open = fc
  .constantFrom<object[]>(
    {},
    { maxPromptCharacters: 400 },
    { parameters: { temperature: { max: 1 } } },
    { deniedPatterns: { patterns: ["secret"] } },
    { deniedPatterns: { patterns: ["secret"], builtIn: ["script_markup"] } },
    { deniedPatterns: { patterns: ["secret"], action: "strip" } },
    { maxTokensPerRequest: 700 },
    { allowedIpRanges: ["192.0.2.0/24"] },
    { allowedTools: ["function"] },
    { dataResidency: "eu" },
  )
  .map((constraints) => policyOf({ id: policyId(99), actions: ["*"], resources: ["*"], constraints }));
const policies = fc.oneof(
  policySet,
  open.map((policy) => [policy]),
);

const policiesIn = ({ snapshot: { platform, tenant } }: DecideInput): readonly Policy[] => [
  ...platform.policies,
  ...tenant.policies,
];
const demandIn = (input: DecideInput) =>
  knownDemand(policiesIn(input).filter(asksForContent), input.capability.authorization, input.ask);

/** As the gateway reads a body: no more than somebody asks for. */
function contentRead({ texts, parameters, surface, circumstances }: Truth, input: DecideInput): AskContent {
  if (surface === "enforce") return { ...circumstances.ask.content, literals: null, canStrip: true };
  const demand = demandIn(input);
  if (demand === null) return UNREAD_CONTENT;
  const read = demand.characters || demand.literals.length > 0 ? texts : null;
  return {
    promptCharacters: read && demand.characters ? read.characters : null,
    parameters: demand.parameters ? parameters : null,
    literals: read?.literals.filter((literal) => demand.literals.includes(literal)) ?? null,
    canStrip: read !== null,
  };
}

function askOf(truth: Truth, input: DecideInput, tokensSaved: number): Ask {
  const { ask } = input;
  const deployment = input.snapshot.platform.deployments.find(({ name }) => name === ask.deployment);
  return {
    ...ask,
    price: deployment ? dearestPrice(deployment) : null,
    promptTokens: ask.promptTokens === null ? null : Math.max(0, ask.promptTokens - tokensSaved),
    ...(truth.surface === "relay" ? { tools: ask.tools ?? [], stores: ask.stores ?? false } : {}),
    clientAddress: input.place.clientAddress === null ? null : "hash of an address",
    content: contentRead(truth, input),
  };
}

interface Judged {
  readonly input: DecideInput;
  readonly judgement: Judgement;
}

/** The gateway, from admission to the inspection; counting happens where the bytes refuse. */
function judged(truth: Truth, policies: readonly Policy[]): Judged {
  const whole = inputOf(policies, truth.circumstances);
  const saving = truth.surface === "relay" ? truth.uncountedTokens : 0;
  const { action, resource, classification } = whole.ask;
  const number = { source: "worker/1", n: 1 };
  const revisions = { tenant: 1, platform: 1 };
  const early = policyAdmission({ ...whole, asked: { action, resource }, classification });
  const refused = (code: Parameters<typeof refuse>[0], ask?: Ask, uncounted = false) =>
    refusedAs(
      refuse(code),
      { number, revisions },
      ask ? { ask, notes: { foundTexts: digests(ask), uncounted } } : {},
    );
  if (early) return { input: whole, judgement: refused(early.refusal.code) };
  let input = { ...whole, ask: askOf(truth, whole, 0) };
  let uncounted = saving > 0;
  if (uncounted && decide(input).kind === "refused") {
    input = { ...whole, ask: askOf(truth, whole, saving) };
    uncounted = false;
  }
  const verdict = decide(input);
  if (verdict.kind === "refused")
    return { input, judgement: refused(verdict.refusal.code, input.ask, uncounted) };
  const candidate = verdict.candidates.find((one) => truth.surface === "enforce" || isKept(one, truth));
  if (!candidate) return { input, judgement: refused("unsupported_parameter", input.ask, uncounted) };
  const notes = { foundTexts: digests(input.ask), uncounted };
  return { input, judgement: { ...allowedWith({}), ask: input.ask, candidate, notes, trace: verdict.trace } };
}

const isKept = ({ obligations }: Candidate, { passes }: Truth): boolean =>
  obligations.residency !== null ? passes.residency : obligations.allowedTools === null || passes.tools;

const digestOf = (literal: string): string => `digest of ${literal}`;
const digests = ({ content }: Ask): string[] => content.literals?.map(digestOf) ?? [];

function recorded({ surface }: Truth, { input, judgement }: Judged): DecisionRecord {
  const { capability, place, ask, nowMs } = input;
  const { action, resource, classification } = ask;
  const asked: Question = { ...question, surface, capability, place, action, resource, classification };
  return DecisionRecord.parse(decisionRecordOf(asked, judgement, nowMs));
}

/** Whether the policies of the time are known to have asked what they asked, and whose digests are those that were found. */
interface Known {
  readonly demand: boolean;
  readonly digests: boolean;
}

function worldOf(before: DecideInput, after: DecideInput, known: Known): World {
  const literals = ["<script", "secret", "data:image/", "data:text/"];
  return {
    snapshot: after.snapshot,
    casesOf: createCases(after.snapshot),
    literalOf: new Map(
      literals.map((literal) => [known.digests ? digestOf(literal) : "of another salt", literal]),
    ),
    deployment: (name) => after.snapshot.platform.deployments.find((one) => one.name === name),
    demandOf: () => (known.demand ? demandIn(before) : null),
  };
}

const anyKnown: fc.Arbitrary<Known> = fc.record({ demand: fc.boolean(), digests: fc.boolean() });
const outcomes = { allowed: 0, pending: 0, refused: 0, unknown: 0, kept_out: 0 };

it("under other policies: the same outcome as with the whole request at hand, or unknown", () => {
  fc.assert(
    fc.property(policies, policies, anyTruth, anyKnown, (before, after, truth, known) => {
      const then = judged(truth, before);
      const now = judged(truth, after);
      const again = redecide(recorded(truth, then), worldOf(then.input, now.input, known));
      outcomes[again.kind] += 1;
      if (again.kind === "allowed" || again.kind === "refused") expect(again.kind).toBe(now.judgement.kind);
      if (again.kind === "pending") expect(outcomeOf(decide(now.input))).toBe("pending_approval");
    }),
    { numRuns: 900 },
  );
  // Nobody is served by a replay that never knows.

  expect(outcomes.allowed).toBeGreaterThan(10);
  expect(outcomes.refused).toBeGreaterThan(100);
});

it("under the policies of the time: the recorded outcome, unless an address or an inspection decides", () => {
  fc.assert(
    fc.property(policies, anyTruth, (before, truth) => {
      const then = judged(truth, before);
      const record = recorded(truth, then);
      const again = redecide(record, worldOf(then.input, then.input, { demand: true, digests: true }));
      if (again.kind === "kept_out") return;
      if (again.kind === "unknown") {
        const may = ["allowedIpRanges", "body_not_read", "body_not_reviewed", "prompt_not_counted"];
        expect(again.reasons.filter((reason) => !may.includes(reason))).toEqual([]);
        return;
      }
      // Somebody had approved what waits now.
      expect(again.kind === "pending" ? "allowed" : again.kind).toBe(then.judgement.kind);
      if (again.kind === "refused" && again.isCodeSure) expect(again.code).toBe(record.reasons[0]?.code);
    }),
    { numRuns: 450 },
  );
});
