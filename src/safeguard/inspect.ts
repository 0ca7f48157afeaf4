/**
 * Inspection, as the candidates' obligations ask for it; a candidate whose obligations the body does not keep drops out.
 * Detectors for personal data and secrets will stand here; until then the policies that want them refuse. What is
 * inspected today: under a residency obligation, a field nobody has reviewed, or content that Azure would fetch (images
 * by URL, search, files), could take data elsewhere; under a list of tools, a field nobody has reviewed could bring one;
 * and what needs answers stored at Azure needs a candidate that allows it.
 */
import type { JsonObject } from "../kernel/json.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Action } from "../policy/action.ts";
import type { Candidate, Obligations } from "../policy/decision.ts";
import { unreviewedCarrier } from "./unreviewed-carrier.ts";
import { unreviewedMember } from "./unreviewed-member.ts";

/** What is looked at; `body` is null when there is none to inspect. */
interface Inspected {
  readonly action: Action;
  readonly body: JsonObject | null;
  /** Whether Azure may add to the prompt what does not stand in the body. */
  readonly outsideContent: boolean;
  /** The member of the body that needs answers stored at Azure, if any. */
  readonly storageField?: string | undefined;
}

export function inspect(
  candidates: readonly [Candidate, ...Candidate[]],
  { body, ...about }: Inspected,
): Result<readonly [Candidate, ...Candidate[]]> {
  if (body === null) return ok(candidates);
  const refusalOf = createInspection({ body, ...about });
  const [first, ...rest] = candidates.filter(({ obligations }) => refusalOf(obligations) === null);
  if (first) return rest.length + 1 === candidates.length ? ok(candidates) : ok([first, ...rest]);
  return fail(refusalOf(candidates[0].obligations) ?? refuse("unsupported_parameter"));
}

/** What does not depend on the candidate is looked for once, and only if some candidate's obligations ask. */
function createInspection({
  action,
  body,
  outsideContent,
  storageField,
}: Inspected & { readonly body: JsonObject }) {
  let residency: Refusal | null | undefined;
  let tools: Refusal | null | undefined;
  return (obligations: Obligations): Refusal | null => {
    if (storageField !== undefined && !obligations.allowStore)
      return refuse("stored_object_refused", { field: storageField });
    if (obligations.residency !== null) {
      if (residency === undefined)
        residency = outsideContent ? drawsOnMore : unreviewed(unreviewedMember(body, action));
      return residency;
    }
    if (obligations.allowedTools === null) return null;
    if (tools === undefined) tools = unreviewed(unreviewedCarrier(body, action));
    return tools;
  };
}

const drawsOnMore = refuse("unsupported_parameter", {
  message: "Under a residency promise, a request may only draw on text that stands in its own body.",
});

const unreviewed = (field: string | undefined): Refusal | null =>
  field === undefined ? null : refuse("unsupported_parameter", { field });
