/** What a check of backends found: the answer of the control plane, and what the command line prints. */
import * as z from "zod";
import { Timestamp } from "./timestamp.ts";

export const BackendCheck = z.strictObject({
  backend: z.string(),
  azureDeployment: z.string(),
  region: z.string(),
  sku: z.string(),
  /** How far Azure spreads the processing, from the sku. */
  processing: z.enum(["region", "zone", "global"]),
  credential: z.enum(["api_key", "entra", "key_vault"]),
  /** `answered`: the model did. `refused`: Azure did not take the credential. `failed`: any other status. */
  outcome: z.enum(["answered", "refused", "failed", "unreachable", "no_credential"]),
  /** Azure's status; null where it was not reached. */
  status: z.int().nullable(),
  /** Azure's error code, or why there is no credential: never a sentence of Azure's, never a value. */
  reason: z.string().nullable(),
  /** As the answer names it. */
  model: z.string().nullable(),
  durationMs: z.int(),
});
export type BackendCheck = z.infer<typeof BackendCheck>;

export const DeploymentCheck = z.strictObject({
  deployment: z.string(),
  checkedAt: Timestamp,
  backends: z.array(BackendCheck),
});
export type DeploymentCheck = z.infer<typeof DeploymentCheck>;
