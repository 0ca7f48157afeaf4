/**
 * Headers across the gateway, by rule. To Azure only what is listed: Azure answers 431 above ten custom headers, and
 * some headers change behaviour (`x-ms-spillover-deployment` would leave the backend that residency chose). From
 * Azure only what is listed too: what it says of its clusters is nobody's business, and waits are capped. Why each is
 * on its list or not: docs/decisions/0029-headers.md.
 */
import { MAX_RETRY_AFTER_SECONDS } from "../kernel/limits.ts";
import type { UpstreamCredential } from "./upstream-credentials.ts";

/**
 * What a caller may say to Azure, and how it must look. Anything else is left out rather than refused: a header that
 * is of no use to Azure is no reason to lose a call.
 */
const requestHeaders: Readonly<Record<string, RegExp>> = {
  accept: /^[\x20-\x7e]{1,200}$/,
  // Azure writes it into its logs and back into the answer.
  "x-ms-client-request-id": /^[\w.:/+=-]{1,128}$/,
};

export function upstreamHeaders(incoming: Headers, [name, value]: UpstreamCredential["header"]): Headers {
  const headers = new Headers({ "content-type": "application/json", [name]: value });
  for (const [passed, shape] of Object.entries(requestHeaders)) {
    const given = incoming.get(passed);
    if (given !== null && shape.test(given)) headers.set(passed, given);
  }
  return headers;
}

const responseHeaders = new Set([
  "content-type",
  "apim-request-id",
  "x-request-id",
  "x-ms-client-request-id",
  "x-ms-region",
  "x-should-retry",
  "openai-processing-ms",
  // For proxies between the gateway and the caller: a stream that one of them collects is none.
  "x-accel-buffering",
]);

/** Azure has been seen to say a day. The last one is .NET's. */
const maxWaits: Readonly<Record<string, number>> = {
  "retry-after": MAX_RETRY_AFTER_SECONDS,
  "retry-after-ms": MAX_RETRY_AFTER_SECONDS * 1_000,
  "x-ms-retry-after-ms": MAX_RETRY_AFTER_SECONDS * 1_000,
};

export function callerHeaders(upstream: Headers): Headers {
  const headers = new Headers();
  const unknownMeters: string[] = [];
  for (const [name, value] of upstream) {
    const maxWait = maxWaits[name];
    const meter = rate.exec(name)?.[1];
    if (maxWait !== undefined) headers.set(name, capped(value, maxWait));
    else if (meter !== undefined || responseHeaders.has(name)) headers.set(name, value);
    if (meter !== undefined && value.startsWith("-")) unknownMeters.push(meter);
  }
  for (const meter of unknownMeters)
    for (const part of ["limit", "remaining", "reset"]) headers.delete(`x-ratelimit-${part}-${meter}`);
  return headers;
}

const amount = /^\d+(?:\.\d+)?$/;

/** A date, which `retry-after` may also be, is no number: it is capped unread. */
const capped = (value: string, max: number): string =>
  amount.test(value) && Number(value) <= max ? value : String(max);

/**
 * What is left of a meter. Where Azure does not count (Responses), it says -1 of -1, free again in 0 s: a client that
 * believes it would wait for room that never comes. All that it says of such a meter is left out.
 */
const rate = /^x-ratelimit-(?:limit|remaining|reset)-(.+)$/;
