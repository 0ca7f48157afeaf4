/** What lint finds in a set of policies. */
import * as z from "zod";

export const LintCode = z.enum([
  "duplicate_name",
  "unreachable",
  "shadowed",
  "redundant",
  "over_broad",
  "reserved_action",
]);
export type LintCode = z.infer<typeof LintCode>;

export const LintFinding = z.strictObject({
  code: LintCode,
  /** `error`: the set is not what its author believes; `warning`: it is probably not; `note`: it could be less. */
  severity: z.enum(["error", "warning", "note"]),
  policy: z.string(),
  sentence: z.string(),
});
export type LintFinding = z.infer<typeof LintFinding>;
