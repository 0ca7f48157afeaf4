/** Calls for credentials, to Entra's token endpoint and to Key Vault. credential-calls.client.ts makes them. */

export interface CredentialRequest {
  readonly method: "GET" | "POST";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface CredentialAnswer {
  readonly status: number;
  /** Undefined where it is no JSON, or too much of it. */
  readonly json: unknown;
}

export interface CredentialCalls {
  /** Rejects when there is no answer, or on the signal. Never follows a redirect. */
  ask(request: CredentialRequest, signal: AbortSignal): Promise<CredentialAnswer>;
}
