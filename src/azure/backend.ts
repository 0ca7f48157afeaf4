/** A backend: one Azure OpenAI deployment. Its sku decides where Azure processes (DESIGN section 8). */
import * as z from "zod";
import { BackendId } from "../kernel/ids.ts";
import { Classification } from "../policy/classification.ts";
import { Credential } from "./credential.ts";

export const Sku = z.enum([
  "Standard",
  "ProvisionedManaged",
  "DataZoneStandard",
  "DataZoneProvisionedManaged",
  "DataZoneBatch",
  "GlobalStandard",
  "GlobalProvisionedManaged",
  "GlobalBatch",
  "DeveloperTier",
]);
export type Sku = z.infer<typeof Sku>;

export const BackendInput = z.strictObject({
  /** Or a Key Vault secret that holds it, by its identifier. Where Azure processes is what `region` and `sku` say. */
  endpoint: z.url({ protocol: /^https?$/ }).max(512),
  azureDeployment: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
  apiVersion: z
    .string()
    .regex(/^(?:v1|preview|\d{4}-\d{2}-\d{2}(?:-preview)?)$/)
    .default("v1"),
  region: z.string().regex(/^[a-z0-9]{2,40}$/, "must be an Azure region name such as swedencentral"),
  sku: Sku,
  credential: Credential,
  priority: z.int().min(0).max(1_000).default(0),
  weight: z.int().min(1).max(1_000).default(1),
  /** The highest classification this backend may receive. */
  classification: Classification.default("restricted"),
});
export type BackendInput = z.infer<typeof BackendInput>;

export const Backend = BackendInput.extend({ id: BackendId });
export type Backend = z.infer<typeof Backend>;

/** What records and receipts say of a backend. */
export const toldBackend = ({ id, region, sku }: Backend) => ({ id, region, sku });
