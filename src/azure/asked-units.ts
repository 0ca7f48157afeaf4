/**
 * What a request is billed by where that is not the token, and how much of it there can be: what its cost is bounded by
 * (guarantee G1).
 */
import type { JsonObject } from "../kernel/json.ts";
import type { Action } from "../policy/action.ts";
import { billedCharacters, MAX_BILLED_PER_CODE_POINT } from "./billed-characters.ts";
import type { Deployment } from "./deployment.ts";
import { type Operation, operations } from "./operation.ts";
import { asksForFrames } from "./picture-choice.ts";
import type { AskedUnits, Unit } from "./unit.ts";
import { unitPriceOf } from "./unit-price.ts";

type Priced = Pick<Deployment, "model" | "prices">;

/** Null = it is billed by tokens. */
export function askedUnits({ unit }: Operation, body: JsonObject, deployment: Priced): AskedUnits | null {
  const price = unit && unitPriceOf(unit, deployment);
  return price && { unit, atMost: most[unit](body), picoUsdPerUnit: price(body) };
}

/** Null = nothing bounds it. */
const most: Readonly<Record<Unit, (body: JsonObject) => number | null>> = {
  picture: picturesAsked,
  character: billedCharacters,
  // The bytes of a file say nothing of its length, and Azure limits nothing else.
  audio_second: () => null,
};

/** What an unfinished picture costs, a price by the picture does not say. */
function picturesAsked(body: JsonObject): number | null {
  if (asksForFrames(body) || (body.partial_images ?? 0) !== 0) return null;
  return typeof body.n === "number" ? body.n : 1;
}

/** What is known of a request that nobody has written down; null = not known. */
export interface KnownOfRequest {
  readonly pictures: number | null;
  /** Unicode code points of its texts. */
  readonly characters: number | null;
}

/** The same where only the action is known: of the operations that it may be, one that nothing bounds comes first. */
export function assumedUnits(
  action: Action,
  { pictures, characters }: KnownOfRequest,
  deployment: Priced,
): AskedUnits | null {
  const atMost: Readonly<Record<Unit, number | null>> = {
    picture: pictures,
    character: characters === null ? null : characters * MAX_BILLED_PER_CODE_POINT,
    audio_second: null,
  };
  const billed = unitsOf(action).flatMap((unit) => {
    const price = unitPriceOf(unit, deployment);
    return price === null ? [] : [{ unit, atMost: atMost[unit], picoUsdPerUnit: price({}) }];
  });
  return billed.find((units) => units.atMost === null) ?? billed[0] ?? null;
}

/** Whether some call of this action is not billed by tokens there. */
export const isBilledByUnits = (action: Action, deployment: Priced): boolean =>
  unitsOf(action).some((unit) => unitPriceOf(unit, deployment) !== null);

const unitsByAction = new Map<Action, Set<Unit>>();
for (const { action, unit } of Object.values(operations))
  if (unit !== null) unitsByAction.set(action, (unitsByAction.get(action) ?? new Set()).add(unit));

const unitsOf = (action: Action): readonly Unit[] => [...(unitsByAction.get(action) ?? [])];
