/**
 * The part of Azure that knows identities: federated credentials, the tokens that were issued, secrets of Key Vault, and
 * what ARM knows of the resource. One per simulator, and changed by tests while it runs.
 */
import { randomBytes } from "node:crypto";
import type { FederatedCredential } from "./check-assertion.ts";
import type { IdentityFault } from "./identity-fault.ts";

export interface IdentityRequest {
  readonly at: "token" | "vault" | "arm";
  readonly path: string;
  readonly authorization: string | undefined;
  /** Of the token endpoint. */
  readonly form: Readonly<Record<string, string>>;
  status: number;
}

interface IssuedToken {
  readonly clientId: string;
  /** The resource of the scope, such as `https://vault.azure.net`. */
  readonly audience: string;
  readonly expiresAtMs: number;
}

export interface SimulatedIdentity {
  /** Live: entries may be added and removed. */
  readonly federatedCredentials: FederatedCredential[];
  /** Origins of issuers, to where they really are. */
  readonly hosts: Map<string, string>;
  readonly secrets: Map<string, string>;
  /** Without the role, a token is good and opens nothing: `models` and `vault`, by client. */
  readonly withoutRole: Set<string>;
  readonly requests: IdentityRequest[];
  readonly faults: IdentityFault[];
  newCodes: boolean;
  tokenSeconds: number;
  issue(clientId: string, audience: string, lifeSeconds: number): string;
  find(token: string, nowMs: number): IssuedToken | undefined;
  /** All that were issued are good for nothing from now on. */
  forgetTokens(): void;
}

export function createIdentity(): SimulatedIdentity {
  const issued = new Map<string, IssuedToken>();
  return {
    federatedCredentials: [],
    hosts: new Map(),
    secrets: new Map(),
    withoutRole: new Set(),
    requests: [],
    faults: [],
    newCodes: true,
    tokenSeconds: 3_599,
    issue(clientId, audience, lifeSeconds) {
      const token = `eyJ0eXAiOiJKV1Qi.${randomBytes(24).toString("base64url")}.simulated`;
      issued.set(token, { clientId, audience, expiresAtMs: Date.now() + lifeSeconds * 1_000 });
      return token;
    },
    find(token, nowMs) {
      const found = issued.get(token);
      return found !== undefined && nowMs < found.expiresAtMs ? found : undefined;
    },
    forgetTokens() {
      issued.clear();
    },
  };
}
