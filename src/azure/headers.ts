/**
 * Headers across the gateway, by rule. To Azure only what is listed: Azure answers 431 above ten custom headers, and
 * some headers change behaviour (`x-ms-spillover-deployment` would leave the backend that residency chose). From
 * Azure, cluster internals are dropped and waits are capped.
 */
import { MAX_RETRY_AFTER_SECONDS } from "../kernel/limits.ts";
import type { UpstreamCredential } from "./upstream-credentials.ts";

const requestHeaders = ["accept", "x-ms-client-request-id"] as const;

export function upstreamHeaders(incoming: Headers, [name, value]: UpstreamCredential["header"]): Headers {
  const headers = new Headers({ "content-type": "application/json", [name]: value });
  for (const passed of requestHeaders) {
    const given = incoming.get(passed);
    if (given !== null) headers.set(passed, given);
  }
  return headers;
}

const responseHeaders = new Set([
  "content-type",
  "apim-request-id",
  "x-request-id",
  "x-ms-client-request-id",
  "x-ms-region",
  "retry-after",
  "retry-after-ms",
  "x-should-retry",
  "openai-processing-ms",
]);

/** Azure has been seen to say a day. */
const maxWaits: Readonly<Record<string, number>> = {
  "retry-after": MAX_RETRY_AFTER_SECONDS,
  "retry-after-ms": MAX_RETRY_AFTER_SECONDS * 1_000,
};

export function callerHeaders(upstream: Headers): Headers {
  const headers = new Headers();
  for (const [name, value] of upstream) {
    if (responseHeaders.has(name) || name.startsWith("x-ratelimit-")) headers.set(name, capped(name, value));
  }
  return headers;
}

function capped(name: string, value: string): string {
  const max = maxWaits[name];
  // A date, which `retry-after` may also be, is no number: it is capped unread.
  return max === undefined || Number(value) <= max ? value : String(max);
}
