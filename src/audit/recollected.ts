/**
 * A recorded decision's question, as far as its record tells it, and what of it is not certain. A fact that nobody asked
 * for when the decision was made is not known, however often a policy asks for it now.
 */
import type { Deployment } from "../azure/deployment.ts";
import { dearestPrice } from "../azure/prices.ts";
import { type Capability, HeldDetail, NOT_DELEGATED } from "../capability/claims.ts";
import { TenantId } from "../kernel/ids.ts";
import type { ConstraintKey, Constraints } from "../policy/constraints.ts";
import { type ContentDemand, patternsOf } from "../policy/content.ts";
import type { Ask } from "../policy/decision.ts";
import { literalsOf } from "../policy/denied-patterns.ts";
import { deploymentOfResource } from "../policy/resource.ts";
import type { Asking, UnsureOf } from "../policy/unsure.ts";
import type { DecisionRecord } from "./audit-record.ts";
import { type AskInputs, TOO_LONG } from "./decision-inputs.ts";

/** Why a decision cannot be made again at all. */
export type Gap = "no_inputs" | "inputs_too_long" | "inputs_unreadable";

/** Who asked, from where, and when. */
export interface Caller {
  readonly capability: Capability;
  readonly place: Asking["place"];
  readonly nowMs: number;
}

export function recollectedCaller(record: DecisionRecord): Caller | Gap {
  const { inputs, agentId, tokenId, classification, home, at, place } = record;
  const tenantId = TenantId.safeParse(record.tenantId);
  if (inputs === null || agentId === null || tokenId === null || classification === null) return "no_inputs";
  if (!tenantId.success) return "no_inputs";
  const { roles } = inputs;
  if (roles === TOO_LONG) return "inputs_too_long";
  const authorization = recollectedDetails(inputs.authorization);
  if (typeof authorization === "string") return authorization;
  return {
    capability: {
      tokenId,
      signedBy: [],
      tenantId: tenantId.data,
      home,
      agentId,
      agentVersion: 1,
      principal: agentId,
      roles,
      classification,
      issuedAtSeconds: 0,
      expiresAtSeconds: Number.MAX_SAFE_INTEGER,
      authorization,
      mintedBy: null,
      delegation: NOT_DELEGATED,
      holderKey: null,
      rootTokenId: tokenId,
      rootIssuedAtSeconds: 0,
      refreshUntilSeconds: null,
      endUser: null,
    },
    // Whether there was an address is known; which, no record says.
    place: { ...place, clientAddress: null },
    nowMs: Date.parse(at),
  };
}

function recollectedDetails(
  recorded: NonNullable<DecisionRecord["inputs"]>["authorization"],
): Capability["authorization"] | Gap {
  if (recorded === null) return null;
  if (typeof recorded === "string") return "inputs_too_long";
  const details = HeldDetail.array().safeParse(recorded);
  return details.success ? details.data : "inputs_unreadable";
}

/** What was known of the content's facts when the decision was made, at least. */
export interface Sources {
  /** What the policies in force then asked about the content, as far as it is known. */
  readonly demand: ContentDemand | null;
  /** The literals that policies name or named, by their digests. */
  readonly literalOf: ReadonlyMap<string, string>;
  readonly deployment: (name: string) => Deployment | undefined;
}

const SOMEBODY = "somebody";

/** Null where the body had not been read. */
export function recollectedAsk(record: DecisionRecord, { literalOf, deployment }: Sources): Ask | null | Gap {
  const { inputs, action, resource, classification } = record;
  const asked = inputs?.ask ?? null;
  if (asked === null || action === null || resource === null || classification === null) return null;
  const { tools } = asked;
  if (tools === TOO_LONG) return "inputs_too_long";
  const name = deploymentOfResource(resource) ?? resource;
  const found = deployment(name);
  return {
    action,
    resource,
    deployment: name,
    promptTokens: asked.promptTokens,
    outputTokens: asked.outputTokens,
    ...(asked.outputIsFixed ? { outputIsFixed: true } : {}),
    choices: asked.choices,
    ...(asked.units ? { units: asked.units } : {}),
    stream: asked.stream,
    classification,
    endUser: record.endUser,
    clientAddress: inputs?.clientAddressKnown ? SOMEBODY : null,
    price: found ? dearestPrice(found) : null,
    tools,
    stores: asked.stores,
    content: {
      promptCharacters: asked.content.promptCharacters,
      parameters: asked.content.parameters,
      canStrip: asked.content.canStrip,
      literals: asked.content.texts && foundLiterals(asked.content.texts.found, literalOf),
    },
  };
}

const foundLiterals = (
  digests: readonly string[],
  literalOf: ReadonlyMap<string, string>,
): readonly string[] => digests.flatMap((digest) => literalOf.get(digest) ?? []);

/** Which constraints cannot be judged by what the record tells. */
export function unsureOf(record: DecisionRecord, sources: Sources): UnsureOf {
  const { inputs, surface } = record;
  const isAddressHidden = inputs?.clientAddressKnown === true;
  // Whoever asks /v1/enforce states the content, or does not: nothing is read, and all of it is known.
  const content = surface === "enforce" ? null : (inputs?.ask?.content ?? null);
  return (constraints) => {
    const keys: ConstraintKey[] = [];
    if (isAddressHidden && constraints.allowedIpRanges !== undefined) keys.push("allowedIpRanges");
    if (content !== null) keys.push(...unsureContent(constraints, content, sources));
    return keys;
  };
}

function unsureContent(
  constraints: Constraints,
  { promptCharacters, parameters, canStrip, texts }: AskInputs["content"],
  { demand, literalOf }: Sources,
): readonly ConstraintKey[] {
  const wereTextsRead = canStrip || demand?.characters === true || (demand?.literals.length ?? 0) > 0;
  const keys: ConstraintKey[] = [];
  if (
    constraints.maxPromptCharacters !== undefined &&
    promptCharacters === null &&
    demand?.characters !== true
  )
    keys.push("maxPromptCharacters");
  if (constraints.parameters !== undefined && parameters === null && demand?.parameters !== true)
    keys.push("parameters");
  const patterns = patternsOf(constraints);
  if (patterns === null) return keys;
  const isUnsure =
    constraints.deniedPatterns?.action === "strip"
      ? !wereTextsRead
      : texts === null
        ? !wereTextsRead
        : areTextsUnsure(literalsOf(patterns), texts, demand?.literals ?? [], literalOf);
  return isUnsure ? [...keys, "deniedPatterns"] : keys;
}

/** One that was found decides; else each must have been looked for, and be none of what was found and is not known. */
function areTextsUnsure(
  literals: readonly string[],
  { found, more }: NonNullable<AskInputs["content"]["texts"]>,
  lookedFor: readonly string[],
  literalOf: ReadonlyMap<string, string>,
): boolean {
  const known = foundLiterals(found, literalOf);
  if (literals.some((literal) => known.includes(literal))) return false;
  // Also where digests were made with another salt, which shows in that nobody knows them.
  const isComplete = !more && known.length === found.length;
  return !isComplete || literals.some((literal) => !lookedFor.includes(literal));
}
