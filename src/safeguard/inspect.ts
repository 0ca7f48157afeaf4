/**
 * Inspection, as the candidates' obligations and the tenant's promise ask for it. Detectors for personal data and
 * secrets will stand here; until then the policies that want them refuse. What is inspected today: under a residency
 * promise, a field nobody has reviewed, or
 * content that Azure would fetch (images by URL, search, files), could take data elsewhere.
 */
import type { JsonObject } from "../kernel/json.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Candidate } from "../policy/decision.ts";
import type { ResidencyPromise } from "../residency/promise.ts";
import { unreviewedMember } from "./unreviewed-member.ts";

/**
 * @param outsideContent whether Azure may add to the prompt what does not stand in the body.
 * @param body null when there is none to inspect.
 */
export function inspect(
  candidates: readonly [Candidate, ...Candidate[]],
  outsideContent: boolean,
  body: JsonObject | null,
  promise: ResidencyPromise,
): Result<readonly [Candidate, ...Candidate[]]> {
  if (body === null || promise.zone === "none") return ok(candidates);
  if (outsideContent) {
    return fail(
      refuse("unsupported_parameter", {
        message: "Under a residency promise, a request may only draw on text that stands in its own body.",
      }),
    );
  }
  const unknown = unreviewedMember(body);
  return unknown === undefined ? ok(candidates) : fail(refuse("unsupported_parameter", { field: unknown }));
}
