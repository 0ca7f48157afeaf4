/** A recorded decision made again under given policies, as far as its record lets anyone say: never a guess. */

import type { Capability } from "../capability/claims.ts";
import type { RefusalCode } from "../kernel/refusal.ts";
import { isOutputFixed } from "../policy/action.ts";
import { type AdmissionInput, policyAdmission } from "../policy/admission.ts";
import type { DecideInput } from "../policy/candidate.ts";
import { decide } from "../policy/decide.ts";
import type { Ask, Candidate, Verdict } from "../policy/decision.ts";
import { needsApproval, outcomeOf } from "../policy/outcome.ts";
import { deploymentOfResource } from "../policy/resource.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { type AskingCases, askingCases, type createCases } from "../policy/unsure.ts";
import { eligibleBackends } from "../residency/eligible-backends.ts";
import { ingressRefusal } from "../residency/ingress.ts";
import type { DecisionRecord } from "./audit-record.ts";
import { type Caller, recollectedAsk, recollectedCaller, type Sources, unsureOf } from "./recollected.ts";

export interface World extends Omit<Sources, "demand"> {
  /** The policies to decide under, and the tenant's document and the deployments of today. */
  readonly snapshot: Snapshot;
  readonly casesOf: ReturnType<typeof createCases>;
  /** What policies asked about the content when the decision was made, as far as it is known. */
  readonly demandOf: (
    record: DecisionRecord,
    authorization: Capability["authorization"],
  ) => Sources["demand"];
}

export type Redecided =
  | { readonly kind: "allowed"; readonly grantIds: readonly string[] }
  /** Allowed once somebody approves. */
  | { readonly kind: "pending" }
  /** Where something is unsure, the refusal is certain and its code need not be: another may have come first. */
  | { readonly kind: "refused"; readonly code: RefusalCode; readonly isCodeSure: boolean }
  /** Whatever the policies say: by the tenant's promise or by what the deployment is today. */
  | { readonly kind: "kept_out"; readonly code: RefusalCode }
  | { readonly kind: "unknown"; readonly reasons: readonly string[] };

export function redecide(record: DecisionRecord, world: World): Redecided {
  const caller = recollectedCaller(record);
  if (typeof caller === "string") return unknown(caller);
  const keptOut = keptOutBy(record, caller, world.snapshot);
  if (keptOut !== null) return { kind: "kept_out", code: keptOut };
  const sources = sourcesFor(record, caller, world);
  const ask = recollectedAsk(record, sources);
  if (typeof ask === "string") return unknown(ask);
  if (ask === null) return bodiless(record, caller, sources, world);
  const cases = askingCases({ ...caller, ask }, world.casesOf, unsureOf(record, sources));
  return between(record, cases);
}

export const sourcesFor = (record: DecisionRecord, { capability }: Caller, world: World): Sources => ({
  ...world,
  demand: world.demandOf(record, capability.authorization),
});

const unknown = (...reasons: readonly string[]): Redecided => ({ kind: "unknown", reasons });

/** What admission refuses before any policy is asked, by what holds today. */
function keptOutBy(
  { classification, surface, resource }: DecisionRecord,
  { place }: Caller,
  { platform, tenant: { tenant } }: Snapshot,
): RefusalCode | null {
  const misplaced = ingressRefusal(place, tenant.residency);
  if (misplaced) return misplaced.code;
  const name = resource === null ? undefined : deploymentOfResource(resource);
  if (name === undefined || classification === null) return null;
  const deployment = platform.deployments.find((one) => one.name === name);
  // A resource of /v1/enforce need not be a deployment of this gateway.
  if (deployment === undefined) return surface === "relay" ? "deployment_unknown" : null;
  const eligible = eligibleBackends(deployment, tenant.residency, classification);
  return eligible.ok ? null : eligible.error.code;
}

function between(record: DecisionRecord, { best, worst, unsure }: AskingCases): Redecided {
  const atWorst = worst === null ? null : decide(worst);
  const isUncounted = record.inputs?.ask?.uncounted === true;
  if (atWorst?.kind === "candidates") {
    const again = reviewed(record, atWorst);
    if (again.kind !== "pending") return again;
    if (waitsForCertain(isUncounted ? shortest(best) : best)) return again;
    return unknown(...unsure, ...(isUncounted ? ["prompt_not_counted"] : []));
  }
  if (atWorst !== null && unsure.size === 0 && !isUncounted) return refused(atWorst, true);
  const counted = decide(best);
  const atBest = counted.kind === "refused" && isUncounted ? decide(shortest(best)) : counted;
  if (atBest.kind === "refused") return refused(atBest, false);
  return unknown(...unsure, ...(counted.kind === "refused" ? ["prompt_not_counted"] : []));
}

/** Where nothing that is in doubt could allow it without approval. */
const waitsForCertain = (best: DecideInput): boolean => outcomeOf(decide(best)) === "pending_approval";

/** Counting a prompt gives fewer tokens than its bytes; how many fewer, nobody knows any more. */
const shortest = <T extends { readonly ask: Ask }>(input: T): T =>
  input.ask.promptTokens === null ? input : { ...input, ask: { ...input.ask, promptTokens: 0 } };

const refused = (
  { refusal }: Pick<Extract<Verdict, { kind: "refused" }>, "refusal">,
  isCodeSure: boolean,
): Redecided => ({ kind: "refused", code: refusal.code, isCodeSure });

/** An obligation that inspects the body can refuse what no record tells; one that was inspected for is known to be kept. */
function reviewed(
  record: DecisionRecord,
  { candidates }: Extract<Verdict, { kind: "candidates" }>,
): Redecided {
  const known = record.inputs?.ask?.reviewed ?? null;
  const isKept = (candidate: Candidate) => {
    const wanted = reviewFor(candidate);
    return wanted === null || wanted === known;
  };
  const kept = record.surface === "enforce" ? candidates : candidates.filter(isKept);
  if (kept.length > 0 && candidates.every(needsApproval)) return { kind: "pending" };
  // One that needs no approval may have been left by the inspection, or not.
  if (kept.every(needsApproval)) return unknown("body_not_reviewed");
  return { kind: "allowed", grantIds: [...new Set(candidates.map(({ grantId }) => grantId))] };
}

const reviewFor = ({ obligations: { residency, allowedTools } }: Candidate) =>
  residency !== null ? "residency" : allowedTools !== null ? "tools" : null;

/**
 * Before the body: what is refused here is refused whatever the body says, and what allows the most that could be asked
 * allows it whatever it was. A list of models, and whatever is done with a stored answer, has no body at all.
 */
function bodiless(record: DecisionRecord, caller: Caller, sources: Sources, world: World): Redecided {
  const { action, resource, classification, surface } = record;
  if (classification === null) return unknown("no_inputs");
  const isList = surface === "model_list";
  const hasNoBody = isList || surface === "stored_object";
  const asked: AdmissionInput["asked"] = isList
    ? {}
    : { ...(action === null ? {} : { action }), ...(resource === null ? {} : { resource }) };
  const deployment = resource === null ? "" : (deploymentOfResource(resource) ?? resource);
  const most = {
    ...anything(classification),
    ...asked,
    ...(action !== null && isOutputFixed(action) ? { outputIsFixed: true } : {}),
    deployment,
  };
  const { best, worst, unsure } = askingCases(
    { ...caller, ask: most },
    world.casesOf,
    unsureOf(record, sources),
  );
  const admission = ({ capability, snapshot, place, nowMs }: DecideInput) =>
    policyAdmission({ capability, asked, classification, place, snapshot, nowMs });
  const atBest = admission(best);
  if (atBest !== null) return refused(atBest, hasNoBody && unsure.size === 0);
  if (hasNoBody)
    return worst !== null && admission(worst) === null
      ? { kind: "allowed", grantIds: [] }
      : unknown(...unsure);
  const atWorst = worst === null || resource === null ? null : decide(worst);
  if (atWorst?.kind !== "candidates") return unknown("body_not_read");
  const again = reviewed(record, atWorst);
  const least = { ...best, ask: { ...nothing(classification), ...asked, deployment } };
  return again.kind !== "pending" || waitsForCertain(least) ? again : unknown("body_not_read");
}

/** Longer than any that a policy can list. */
const UNLISTED_TOOL = "?".repeat(257);

/** The most: whatever a body asks, it asks for no more, and tells no less. */
const anything = (classification: Ask["classification"]): Ask => ({
  ...nothing(classification),
  promptTokens: null,
  outputTokens: null,
  endUser: null,
  clientAddress: null,
  price: null,
  tools: [UNLISTED_TOOL],
  stores: true,
  content: { promptCharacters: null, parameters: null, literals: null, canStrip: false },
});

/** The least that could be asked. */
export const nothing = (classification: Ask["classification"]): Ask => ({
  action: "chat",
  resource: "",
  deployment: "",
  promptTokens: 0,
  outputTokens: 0,
  choices: 1,
  stream: false,
  classification,
  endUser: "anybody",
  clientAddress: "anywhere",
  price: { inputPicoUsd: 0, cachedInputPicoUsd: 0, outputPicoUsd: 0 },
  tools: [],
  stores: false,
  content: { promptCharacters: 0, parameters: {}, literals: [], canStrip: true },
});
