/** The details that a child asks for, each placed inside one of its parent's. */
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { AuthorizationDetail, Capability, HeldDetail } from "./claims.ts";
import { type DetailExcess, detailExcess } from "./subsumes.ts";

export interface PlacedDetail {
  readonly detail: AuthorizationDetail;
  /** The first of the parent's that it stands inside; null where the parent has none, and with that no end. */
  readonly inside: HeldDetail | null;
}

const FIELD = "authorization_details";

/** @param asked null = what the parent has. Null = all that the policies grant. */
export function narrowedDetails(
  asked: readonly AuthorizationDetail[] | null,
  { authorization }: Pick<Capability, "authorization">,
): Result<readonly PlacedDetail[] | null> {
  if (authorization === null) return ok(asked?.map((detail) => ({ detail, inside: null })) ?? null);
  if (asked === null) return ok(authorization.map((held) => ({ detail: ownOf(held), inside: held })));
  const placed: PlacedDetail[] = [];
  for (const [index, detail] of asked.entries()) {
    const inside = authorization.find((held) => detailExcess(detail, held) === null);
    if (inside === undefined) return fail(exceeded(index, authorization, detail));
    placed.push({ detail, inside });
  }
  return ok(placed);
}

/** What a detail says by itself. */
export const ownOf = ({ type, actions, locations, constraints }: HeldDetail): AuthorizationDetail => ({
  type,
  actions,
  locations,
  constraints,
});

const why: Readonly<Record<DetailExcess["why"], string>> = {
  wider: "allows more than the token that is exchanged",
  left_out: "is left out, though the token that is exchanged has it; state it, or something narrower",
  unknown: "cannot be compared with the token that is exchanged",
};

/** Told of the parent's detail that comes closest: the one that covers most of what is compared first. */
function exceeded(index: number, authorization: readonly HeldDetail[], detail: AuthorizationDetail) {
  const excesses = authorization.flatMap((held) => detailExcess(detail, held) ?? []);
  const nearest = excesses.find(({ field }) => field.startsWith("constraints")) ?? excesses[0];
  const field = `${FIELD}[${index}]${nearest === undefined ? "" : `.${nearest.field}`}`;
  return refuse("authorization_exceeded", {
    field,
    message: `\`${field}\` ${why[nearest?.why ?? "unknown"]}.`,
  });
}
