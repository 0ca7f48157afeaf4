/** What a check of backends found: the answer of the control plane, and what the command line prints. */
import * as z from "zod";
import { Timestamp } from "./timestamp.ts";

/** Of one operation of one backend. */
export const BackendCheck = z.strictObject({
  backend: z.string(),
  azureDeployment: z.string(),
  region: z.string(),
  sku: z.string(),
  /** How far Azure spreads the processing, from the sku. */
  processing: z.enum(["region", "zone", "global"]),
  credential: z.enum(["api_key", "entra", "key_vault"]),
  /** What was called, such as `chat/completions`. */
  operation: z.string(),
  /**
   * `answered`: the model did. `not_called`: nobody asked for a picture; Azure knows credential and deployment. `busy`: a
   * rate limit (429). `refused`: Azure did not take the credential. `failed`: any other status, or no good answer.
   */
  outcome: z.enum(["answered", "not_called", "busy", "refused", "failed", "unreachable", "no_credential"]),
  /** Azure's status; null where it was not reached, or the operation not called. */
  status: z.int().nullable(),
  /** Azure's error code, or why there is no credential or no call: never a sentence of Azure's, never a value. */
  reason: z.string().nullable(),
  /** As the answer names it; answers with pictures, sound or transcripts name none. */
  model: z.string().nullable(),
  /** Until the whole answer was there; where there is no credential, until that was known. */
  durationMs: z.int(),
});
export type BackendCheck = z.infer<typeof BackendCheck>;

export const DeploymentCheck = z.strictObject({
  deployment: z.string(),
  checkedAt: Timestamp,
  /** One entry for each backend and operation. */
  backends: z.array(BackendCheck),
});
export type DeploymentCheck = z.infer<typeof DeploymentCheck>;
