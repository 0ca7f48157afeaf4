/** Constructs what leads to Azure: the calls, and what they carry. Called by compose.ts alone. */

import { createAzureCalls } from "./azure/azure-calls.client.ts";
import type { AzureCalls } from "./azure/azure-calls.ts";
import { createCredentialCalls } from "./azure/credential-calls.client.ts";
import { createUpstreamCredentials, type UpstreamCredentials } from "./azure/upstream-credentials.ts";
import { type Config, type Env, secretOf } from "./bindings.ts";
import { type EntraIssuer, importEntraIssuer } from "./capability/entra-issuer.ts";
import type { Clock, StartTimer } from "./kernel/clock.ts";
import { logCredentialFailure } from "./kernel/failure-log.ts";

export interface Upstream {
  readonly azure: AzureCalls;
  readonly credentials: UpstreamCredentials;
  /** Null = backends cannot be opened with Microsoft Entra. */
  readonly entra: EntraIssuer | null;
}

interface Means {
  readonly isLocal: boolean;
  readonly clock: Clock;
  readonly startTimer: StartTimer;
  readonly background: (work: Promise<unknown>) => void;
}

export async function composeUpstream(env: Env, config: Config, means: Means): Promise<Upstream> {
  const entra = await importEntraIssuer({
    keys: config.entraKeys,
    gatewayIssuer: config.issuer,
    subject: config.entraSubject,
    clock: means.clock,
    newId: () => crypto.randomUUID(),
  });
  const credentials = createUpstreamCredentials({
    ...means,
    secretOf: (name) => secretOf(env, name),
    signer: entra,
    calls: createCredentialCalls(),
    onFailure: logCredentialFailure,
  });
  return { azure: createAzureCalls(), credentials, entra };
}
