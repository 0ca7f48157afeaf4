/** The one way out: a call to an Azure backend, as the gateway sees it. azure-calls.client.ts implements it. */

export interface AzureRequest {
  readonly url: string;
  /** `POST` unless said otherwise. */
  readonly method?: "GET" | "POST" | "DELETE";
  readonly headers: Headers;
  /** Null where there is none. */
  readonly body: string | null;
  readonly signal: AbortSignal;
}

export interface AzureCalls {
  /** Rejects when there is no answer: refused connection, broken connection, or the signal. Never follows a redirect. */
  send(request: AzureRequest): Promise<Response>;
}
