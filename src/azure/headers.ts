/**
 * Headers across the gateway, by rule. To Azure only what is listed: Azure answers 431 above ten custom headers, and
 * some headers change behaviour (`x-ms-spillover-deployment` would leave the backend that residency chose). From
 * Azure, cluster internals are dropped and waits are capped.
 */

const requestHeaders = ["accept", "x-ms-client-request-id"] as const;

export function upstreamHeaders(incoming: Headers, apiKey: string): Headers {
  const headers = new Headers({ "content-type": "application/json", "api-key": apiKey });
  for (const name of requestHeaders) {
    const value = incoming.get(name);
    if (value !== null) headers.set(name, value);
  }
  return headers;
}

const responseHeaders = [
  "content-type",
  "apim-request-id",
  "x-request-id",
  "x-ms-client-request-id",
  "x-ms-region",
  "retry-after",
  "retry-after-ms",
  "x-should-retry",
  "openai-processing-ms",
] as const;

/** One official SDK sleeps for whatever it is told, and Azure has been seen to say a day. */
const MAX_RETRY_AFTER_SECONDS = 60;

export function callerHeaders(upstream: Headers): Headers {
  const headers = new Headers();
  for (const name of responseHeaders) {
    const value = upstream.get(name);
    if (value !== null) headers.set(name, value);
  }
  for (const [name, value] of upstream) if (name.startsWith("x-ratelimit-")) headers.set(name, value);
  capWait(headers, "retry-after", MAX_RETRY_AFTER_SECONDS);
  capWait(headers, "retry-after-ms", MAX_RETRY_AFTER_SECONDS * 1_000);
  return headers;
}

function capWait(headers: Headers, name: string, max: number): void {
  const wait = headers.get(name);
  // A date, which the header may also be, is no number: it is capped unread.
  if (wait !== null && !(Number(wait) <= max)) headers.set(name, String(max));
}
