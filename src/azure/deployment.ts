/** A deployment: the model name callers use, backed by one or more backends. Deployments are platform state. */
import * as z from "zod";
import { Action } from "../policy/action.ts";
import { Classification } from "../policy/classification.ts";
import { Backend, BackendInput } from "./backend.ts";

export const DeploymentName = z
  .string()
  .regex(
    /^(?!.*\.\.)[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/,
    "must be 1 to 64 letters, digits, single dots, underscores and hyphens",
  );
export type DeploymentName = z.infer<typeof DeploymentName>;

/** No unit costs more; what does was meant in another unit. */
const usdPerUnit = z.number().min(0).max(1_000).nullish();

/** In USD; null = unknown. */
export const Prices = z.strictObject({
  /** By tokens. */
  inputPerMillion: z.number().min(0).nullable().default(null),
  cachedInputPerMillion: z.number().min(0).nullable().default(null),
  outputPerMillion: z.number().min(0).nullable().default(null),
  /** Of models that are billed by something else: one that is stated comes before all prices of tokens. */
  perImage: usdPerUnit,
  perAudioMinute: usdPerUnit,
  perMillionCharacters: usdPerUnit,
});
export type Prices = z.infer<typeof Prices>;

/** What calls to a model may be. */
export const ModelAction = Action.extract(["chat", "completion", "embedding", "response", "image", "audio"]);
export type ModelAction = z.infer<typeof ModelAction>;

const deploymentFields = {
  name: DeploymentName,
  model: z.string().min(1).max(100),
  /** The most output tokens one choice may use; 0 for models that generate no text: embeddings, pictures, sound. */
  maxOutputTokens: z.int().min(0).max(1_000_000),
  /** What it serves; absent = whatever its `maxOutputTokens` leaves open. */
  actions: z.array(ModelAction).min(1).max(ModelAction.options.length).optional(),
  /** Which chat parameter bounds the output; reasoning models accept only `max_completion_tokens`. */
  outputParameter: z.enum(["max_tokens", "max_completion_tokens"]).default("max_tokens"),
  prices: Prices.default({ inputPerMillion: null, cachedInputPerMillion: null, outputPerMillion: null }),
  /** The highest classification callers may send to this deployment. */
  classification: Classification.default("restricted"),
};

export const DeploymentInput = z.strictObject({
  ...deploymentFields,
  backends: z.array(BackendInput).min(1).max(32),
});
export type DeploymentInput = z.infer<typeof DeploymentInput>;

export const Deployment = z.strictObject({ ...deploymentFields, backends: z.array(Backend).min(1).max(32) });
export type Deployment = z.infer<typeof Deployment>;
