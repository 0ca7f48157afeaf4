/** The one way out: a call to an Azure backend, as the gateway sees it. azure-calls.client.ts implements it. */

export interface AzureRequest {
  readonly url: string;
  readonly headers: Headers;
  /** A form's type, with the boundary that it is sent with, is set on sending. */
  readonly body: string | FormData;
  readonly signal: AbortSignal;
}

export interface AzureCalls {
  /** Rejects when there is no answer: refused connection, broken connection, or the signal. Never follows a redirect. */
  send(request: AzureRequest): Promise<Response>;
}
