/**
 * How the gateway proves itself to a backend: by name, never by value. Nothing here is a secret, so it may be stored, shown
 * and recorded.
 */
import * as z from "zod";
import { modelScopes, PUBLIC_AUTHORITY } from "./azure-clouds.ts";

/** Of a directory and of an application: one spelling, which can be nothing but a path segment. */
const DirectoryId = z
  .string()
  .regex(
    /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/,
    "must be an id such as 00000000-0000-0000-0000-000000000000",
  );

const identityFields = {
  tenantId: DirectoryId,
  /** Of an app registration, or a user-assigned managed identity, that trusts this gateway. */
  clientId: DirectoryId,
  /** Who issues its tokens: one of the hosts in `azure-clouds.ts`. */
  authority: z
    .url({ protocol: /^https?$/ })
    .max(100)
    .default(PUBLIC_AUTHORITY),
};

/** An application of Microsoft Entra that trusts the gateway's assertions instead of a secret. */
export const EntraIdentity = z.strictObject(identityFields);
export type EntraIdentity = z.infer<typeof EntraIdentity>;

export const Credential = z.discriminatedUnion("kind", [
  /**
   * Names the Worker secret that holds the key. The prefix keeps a deployment's author from sending the gateway's own
   * secrets (signing keys, ledger names) to an endpoint of theirs.
   */
  z.strictObject({
    kind: z.literal("api_key"),
    secret: z.string().regex(/^AZURE_[A-Z0-9_]{1,100}$/, "must name a Worker secret that starts with AZURE_"),
  }),
  z.strictObject({
    kind: z.literal("entra"),
    ...identityFields,
    /** The cloud's own where nothing is said. A token for anything but models cannot be asked for. */
    scope: z.enum(modelScopes).optional(),
  }),
  /** The key is the value of this Key Vault secret, read as the identity. */
  z.strictObject({ kind: z.literal("key_vault"), secret: z.url().max(512), entra: EntraIdentity }),
]);
export type Credential = z.infer<typeof Credential>;

type Identifying = Exclude<Credential, { readonly kind: "api_key" }>;

export const identityOf = (credential: Identifying): EntraIdentity =>
  credential.kind === "key_vault" ? credential.entra : credential;
