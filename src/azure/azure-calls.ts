/** The one way out: a call to an Azure backend, as the gateway sees it. azure-calls.client.ts implements it. */

export interface AzureRequest {
  readonly url: string;
  /** `POST` unless said otherwise. */
  readonly method?: "GET" | "POST" | "DELETE";
  readonly headers: Headers;
  /** A form comes in pieces, which are sent in a row; null where there is nothing to send. */
  readonly body: string | readonly Uint8Array[] | null;
  readonly signal: AbortSignal;
}

export interface AzureCalls {
  /** Rejects when there is no answer: refused connection, broken connection, or the signal. Never follows a redirect. */
  send(request: AzureRequest): Promise<Response>;
}
