/**
 * What a backend's credential and endpoint come to: which identity asks for what, and where it may be sent. Judged when a
 * deployment is written, and again before a credential is used: what was stored is not believed.
 */
import { fail, ok, type Result } from "../kernel/result.ts";
import { type AzureCloud, cloudOf, isModelHost, isVaultHost } from "./azure-clouds.ts";
import type { BackendInput } from "./backend.ts";
import { type Credential, type EntraIdentity, identityOf } from "./credential.ts";
import { vaultSecretOf } from "./vault-secret.ts";

/** An identity, and the cloud that knows it. */
export interface Identified {
  readonly identity: EntraIdentity;
  readonly cloud: AzureCloud;
}

export interface VaultSource extends Identified {
  readonly kind: "key_vault";
  readonly secret: URL;
}

export type KeySource =
  | Extract<Credential, { readonly kind: "api_key" }>
  | ({ readonly kind: "entra"; readonly scope: string } & Identified)
  | VaultSource;
export type EndpointSource = { readonly kind: "registered"; readonly endpoint: string } | VaultSource;

export interface CredentialPlan {
  readonly key: KeySource;
  readonly endpoint: EndpointSource;
}

export interface Complaint {
  /** Within the backend. */
  readonly field: string;
  readonly message: string;
}

const complaint = (field: string, message: string): Result<never, Complaint> => fail({ field, message });

export function credentialPlanOf(
  { endpoint, credential }: Pick<BackendInput, "endpoint" | "credential">,
  isLocal: boolean,
): Result<CredentialPlan, Complaint> {
  const key = keySourceOf(credential, isLocal);
  if (!key.ok) return key;
  const source = endpointSourceOf(endpoint, key.value, isLocal);
  return source.ok ? ok({ key: key.value, endpoint: source.value }) : source;
}

function keySourceOf(credential: Credential, isLocal: boolean): Result<KeySource, Complaint> {
  if (credential.kind === "api_key") return ok(credential);
  const identity = identityOf(credential);
  const cloud = cloudOf(identity.authority, isLocal);
  if (cloud === null) {
    const field = credential.kind === "entra" ? "credential.authority" : "credential.entra.authority";
    return complaint(
      field,
      "An authority is the sign-in host of an Azure cloud, and nothing but its https origin.",
    );
  }
  if (credential.kind === "entra") {
    const { scope = cloud.scopes[0] } = credential;
    return cloud.scopes.includes(scope)
      ? ok({ kind: "entra", scope, identity, cloud })
      : complaint("credential.scope", "The scope belongs to another cloud than the authority.");
  }
  const secret = vaultSecretOf(credential.secret, isLocal);
  return secret !== null && isVaultHost(secret, cloud, isLocal)
    ? ok({ kind: "key_vault", secret, identity, cloud })
    : complaint(
        "credential.secret",
        "A Key Vault secret is named by its identifier, `https://<vault>.vault.azure.net/secrets/<name>`, in the cloud of the authority.",
      );
}

function endpointSourceOf(
  endpoint: string,
  key: KeySource,
  isLocal: boolean,
): Result<EndpointSource, Complaint> {
  const secret = vaultSecretOf(endpoint, isLocal);
  if (key.kind === "api_key") {
    return secret === null
      ? ok({ kind: "registered", endpoint })
      : complaint(
          "endpoint",
          "An endpoint in Key Vault needs a credential with an Entra identity that may read it.",
        );
  }
  const { identity, cloud } = key;
  if (secret !== null && isVaultHost(secret, cloud, isLocal)) {
    return ok({ kind: "key_vault", secret, identity, cloud });
  }
  return isModelHost(new URL(endpoint), cloud, isLocal)
    ? ok({ kind: "registered", endpoint })
    : complaint(
        "endpoint",
        `Tokens of Entra and secrets of Key Vault are sent to hosts of their cloud alone, below ${cloud.modelDomains.join(", ")}.`,
      );
}
