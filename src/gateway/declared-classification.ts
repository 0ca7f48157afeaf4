/** The classification a caller declares for one request's data; without one the agent's default holds. */
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { Classification } from "../policy/classification.ts";

export const CLASSIFICATION_HEADER = "portcullis-classification";

export function declaredClassification(
  headers: Headers,
  agentDefault: Classification,
): Result<Classification> {
  const declared = headers.get(CLASSIFICATION_HEADER);
  if (declared === null) return ok(agentDefault);
  const parsed = Classification.safeParse(declared);
  if (parsed.success) return ok(parsed.data);
  return fail(
    refuse("body_invalid", {
      field: CLASSIFICATION_HEADER,
      message: `The header must be one of ${Classification.options.join(", ")}.`,
    }),
  );
}
