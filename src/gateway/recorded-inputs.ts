/**
 * What a record keeps of a decision's inputs. On the way of every request: nothing is hashed or copied deeply here, and a
 * token's own details are prepared once for as long as the token is remembered as verified.
 */
import type { AskInputs, DecisionInputs } from "../audit/decision-inputs.ts";
import { TOO_LONG } from "../audit/decision-inputs.ts";
import { numericParameters } from "../azure/numeric-parameters.ts";
import type { Capability, HeldDetail } from "../capability/claims.ts";
import { lineageOf } from "../capability/family.ts";
import { MAX_FOUND_TEXTS, MAX_INPUT_CHARACTERS } from "../kernel/limits.ts";
import type { AskContent } from "../policy/content.ts";
import type { Ask } from "../policy/decision.ts";
import type { Place } from "../residency/place.ts";
import type { AskNotes } from "./question.ts";

interface Asker {
  readonly capability: Pick<Capability, "roles" | "authorization">;
  readonly place: Pick<Place, "clientAddress">;
}

export interface RecordedAsk {
  readonly ask: Ask | null;
  readonly notes?: AskNotes | undefined;
  readonly reviewed?: AskInputs["reviewed"];
}

export const recordedInputs = (
  { capability, place }: Asker,
  { ask, notes, reviewed }: RecordedAsk,
): DecisionInputs => ({
  roles: whole(capability.roles),
  authorization: capability.authorization && recordedDetails(capability.authorization),
  clientAddressKnown: place.clientAddress !== null,
  ask: ask && askInputs(ask, notes, reviewed ?? null),
});

const askInputs = (
  { promptTokens, outputTokens, outputIsFixed = false, choices, units, stream, tools, stores, content }: Ask,
  notes: AskNotes | undefined,
  reviewed: AskInputs["reviewed"],
): AskInputs => ({
  promptTokens,
  // Who does not say may have had fewer tokens, and more texts.
  uncounted: notes?.uncounted ?? true,
  outputTokens,
  outputIsFixed,
  choices,
  ...(units && { units }),
  stream,
  tools: tools && whole(tools),
  stores,
  content: {
    promptCharacters: content.promptCharacters,
    parameters: content.parameters && recordedParameters(content.parameters),
    canStrip: content.canStrip,
    texts: content.literals && recordedTexts(content.literals, notes?.foundTexts ?? []),
  },
  reviewed,
});

const recordedTexts = (literals: readonly string[], digests: readonly string[]) => ({
  found: digests.slice(0, MAX_FOUND_TEXTS),
  more: literals.length > digests.length,
});

/** A caller of /v1/enforce may state any; policies bound those of the list alone. JSON has no infinite number. */
function recordedParameters(
  parameters: NonNullable<AskContent["parameters"]>,
): Record<string, number | null> {
  const kept: Record<string, number | null> = {};
  for (const [name, value] of Object.entries(parameters))
    if (numericParameters.includes(name)) kept[name] = Number.isFinite(value) ? value : null;
  return kept;
}

/** A part of a list would be taken for all of it. */
function whole(values: readonly string[]): string[] | typeof TOO_LONG {
  let characters = 0;
  for (const value of values) characters += value.length;
  return characters > MAX_INPUT_CHARACTERS ? TOO_LONG : [...values];
}

const prepared = new WeakMap<readonly HeldDetail[], DecisionInputs["authorization"]>();

function recordedDetails(details: readonly HeldDetail[]): DecisionInputs["authorization"] {
  const known = prepared.get(details);
  if (known !== undefined) return known;
  const recorded = withinBounds(details);
  prepared.set(details, recorded);
  return recorded;
}

function withinBounds(details: readonly HeldDetail[]): DecisionInputs["authorization"] {
  if (
    details.flatMap(lineageOf).some(({ constraints }) => constraints.deniedPatterns?.patterns !== undefined)
  )
    return "names_texts";
  const text = JSON.stringify(details);
  return text.length > MAX_INPUT_CHARACTERS ? TOO_LONG : JSON.parse(text);
}
