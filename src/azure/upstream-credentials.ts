/**
 * What a call to a backend carries, from the backend's credential: a key out of a Worker secret, a token of Microsoft Entra,
 * or what Key Vault holds. Tokens and secrets are in this isolate's memory and in the call's headers, nowhere else.
 */
import type { AssertionSigner } from "../capability/sign-assertion.ts";
import type { Clock, StartTimer } from "../kernel/clock.ts";
import {
  EXCHANGE_MAX_MS,
  MAX_HELD_CREDENTIALS,
  TOKEN_MARGIN_MS,
  TOKEN_RENEW_PART,
  VAULT_KEPT_MS,
  VAULT_MAX_MS,
  VAULT_RENEW_MS,
} from "../kernel/limits.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { isModelHost } from "./azure-clouds.ts";
import type { Backend } from "./backend.ts";
import type { CredentialCalls } from "./credential-calls.ts";
import {
  type CredentialPlan,
  credentialPlanOf,
  type EndpointSource,
  type Identified,
  type KeySource,
  type VaultSource,
} from "./credential-plan.ts";
import { createHeldValues } from "./held-values.ts";
import { exchangeRequestOf, readExchange } from "./token-exchange.ts";
import { readVaultAnswer, vaultRequestOf } from "./vault-secret.ts";

export interface UpstreamCredential {
  readonly header: readonly [name: "api-key" | "authorization", value: string];
  /** Where the call goes: the backend's own endpoint, or what Key Vault says in its stead. */
  readonly endpoint: string;
  /** Azure did not take it (401, 403): what is held is not used for ever. */
  refused(): void;
}

export interface UpstreamCredentials {
  /** Fails with `backend_unavailable`; its evidence names the backend and a reason, and never a value. */
  credentialOf(backend: Backend): Promise<Result<UpstreamCredential>>;
}

interface UpstreamCredentialsOptions {
  readonly secretOf: (name: string) => string | undefined;
  /** Null where the gateway has no keys for Entra. */
  readonly signer: AssertionSigner | null;
  readonly calls: CredentialCalls;
  readonly isLocal: boolean;
  readonly clock: Clock;
  readonly startTimer: StartTimer;
  readonly background: (work: Promise<unknown>) => void;
  /** Told once for every attempt that failed. @param subject whose: an identity and a scope, or a secret's identifier. */
  readonly onFailure: (subject: string, reason: string) => void;
}

interface Part<T> {
  readonly value: T;
  refused(): void;
}

const unchanging = <T>(value: T): Part<T> => ({ value, refused() {} });

export function createUpstreamCredentials(options: UpstreamCredentialsOptions): UpstreamCredentials {
  const { secretOf, signer, calls, isLocal, clock, startTimer, background, onFailure } = options;
  const shared = { clock, startTimer, background, maxHeld: MAX_HELD_CREDENTIALS, onFailure };
  const tokens = createHeldValues<string>({ ...shared, maxMs: EXCHANGE_MAX_MS });
  const secrets = createHeldValues<string>({ ...shared, maxMs: VAULT_MAX_MS });
  const plans = new WeakMap<Backend, ReturnType<typeof credentialPlanOf>>();

  /** A backend is immutable: it is judged once. */
  function planOf(backend: Backend): Result<CredentialPlan, string> {
    const known = plans.get(backend) ?? credentialPlanOf(backend, isLocal);
    plans.set(backend, known);
    return known.ok ? known : fail(`${known.error.field} not allowed`);
  }

  async function tokenFor(
    { identity, cloud }: Identified,
    scope: string,
  ): Promise<Result<Part<string>, string>> {
    if (signer === null) return fail("ENTRA_KEYS not set");
    const key = `${identity.authority}/${identity.tenantId}/${identity.clientId} ${scope}`;
    const token = await tokens.get(key, async (signal) => {
      const assertion = await signer.sign(cloud.audience);
      const exchanged = readExchange(await calls.ask(exchangeRequestOf(identity, scope, assertion), signal));
      if (!exchanged.ok) return exchanged;
      const { token: value, lifeMs } = exchanged.value;
      return ok({
        value,
        renewAfterMs: lifeMs * TOKEN_RENEW_PART,
        usableMs: Math.max(lifeMs - TOKEN_MARGIN_MS, lifeMs / 2),
      });
    });
    return token.ok ? ok({ value: token.value, refused: () => tokens.refused(key, token.value) }) : token;
  }

  /** @param purpose what it is good for: a secret that is no endpoint is a failure of that purpose alone. */
  async function secretIn(
    { secret, identity, cloud }: VaultSource,
    purpose: "key" | "endpoint",
    isFit: (value: string) => boolean,
  ): Promise<Result<Part<string>, string>> {
    // By identity too: what one may read is not another's.
    const key = `${purpose} ${secret.href} ${identity.authority}/${identity.tenantId}/${identity.clientId}`;
    const read = await secrets.get(key, async (signal) => {
      const token = await tokenFor({ identity, cloud }, cloud.vaultScope);
      if (!token.ok) return token;
      const answer = await calls.ask(vaultRequestOf(secret, token.value.value), signal);
      if (answer.status === 401) token.value.refused();
      const value = readVaultAnswer(answer);
      if (!value.ok) return value;
      return isFit(value.value)
        ? ok({ value: value.value, renewAfterMs: VAULT_RENEW_MS, usableMs: VAULT_KEPT_MS })
        : fail(`no ${purpose} that is allowed`);
    });
    return read.ok ? ok({ value: read.value, refused: () => secrets.refused(key, read.value) }) : read;
  }

  async function headerOf(key: KeySource): Promise<Result<Part<UpstreamCredential["header"]>, string>> {
    if (key.kind === "api_key") {
      const value = secretOf(key.secret);
      return value === undefined ? fail(`${key.secret} not set`) : ok(unchanging(["api-key", value]));
    }
    const part =
      key.kind === "entra" ? await tokenFor(key, key.scope) : await secretIn(key, "key", () => true);
    if (!part.ok) return part;
    const { value, refused } = part.value;
    return ok({
      value: key.kind === "entra" ? ["authorization", `Bearer ${value}`] : ["api-key", value],
      refused,
    });
  }

  async function endpointOf(source: EndpointSource): Promise<Result<Part<string>, string>> {
    if (source.kind === "registered") return ok(unchanging(source.endpoint));
    // Whoever may write the secret must not lead prompts and credentials elsewhere by it.
    return secretIn(source, "endpoint", (value) => {
      const url = URL.canParse(value) ? new URL(value) : null;
      return url !== null && url.search === "" && url.hash === "" && isModelHost(url, source.cloud, isLocal);
    });
  }

  async function partsOf(backend: Backend) {
    const plan = planOf(backend);
    if (!plan.ok) return plan;
    const { key, endpoint } = plan.value;
    const [header, address] = await Promise.all([headerOf(key), endpointOf(endpoint)]);
    if (!header.ok) return header;
    return address.ok ? ok([header.value, address.value] as const) : address;
  }

  return {
    async credentialOf(backend) {
      const parts = await partsOf(backend);
      if (!parts.ok) {
        const evidence = { backend: backend.id, credential: backend.credential.kind, reason: parts.error };
        return fail(refuse("backend_unavailable", { evidence }));
      }
      const [header, address] = parts.value;
      return ok({
        header: header.value,
        endpoint: address.value,
        refused() {
          header.refused();
          address.refused();
        },
      });
    },
  };
}
