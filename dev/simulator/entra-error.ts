/**
 * Entra's refusals (reference section 2.2). Code, `error` and the sentence of 70021 and 7000272 were recorded; the other
 * sentences are assumed. The descriptions quote what was presented, as Entra's do: whoever passes them on must be caught.
 */
import { randomUUID } from "node:crypto";

export interface EntraRefusal {
  readonly status: 400 | 401;
  readonly error: string;
  readonly code: number;
  readonly sentence: string;
}

const invalidRequest = (code: number, sentence: string): EntraRefusal => ({
  status: 400,
  error: "invalid_request",
  code,
  sentence,
});
const invalidClient = (code: number, sentence: string): EntraRefusal => ({
  status: 401,
  error: "invalid_client",
  code,
  sentence,
});

interface Presented {
  readonly iss: unknown;
  readonly sub: unknown;
  readonly aud: unknown;
}

export const entraRefusals = {
  /** With the older of two codes, or the newer ones that say which of the three does not match. */
  noRecord: (part: "any" | "issuer" | "audience" | "subject", { iss, sub, aud }: Presented) =>
    invalidRequest(
      { any: 70021, issuer: 700211, audience: 700212, subject: 700213 }[part],
      `No matching federated identity record found for presented assertion. Assertion Issuer: '${iss}'. Assertion Subject: '${sub}'. Assertion Audience: '${aud}'.`,
    ),
  keyUnknown: (kid: unknown, issuer: unknown) =>
    invalidClient(
      7000272,
      `The certificate with identifier ${kid} used to sign the federated credential could not be found in the metadata of identity provider ${issuer}`,
    ),
  issuerUnreachable: invalidRequest(90061, "Request to External OIDC endpoint failed."),
  assertionExpired: invalidClient(700024, "Client assertion is not within its valid time range."),
  assertionInvalid: invalidClient(50027, "JWT token is invalid or malformed."),
  signatureInvalid: invalidClient(700027, "The certificate used to sign the assertion does not verify."),
  directoryUnknown: invalidRequest(90002, "Tenant not found."),
  applicationUnknown: {
    status: 400,
    error: "unauthorized_client",
    code: 700016,
    sentence: "Application was not found in the directory.",
  },
  parameterMissing: invalidRequest(900144, "The request body must contain a parameter that is missing."),
  scopeInvalid: {
    status: 400,
    error: "invalid_scope",
    code: 70011,
    sentence: "The provided value for the input parameter 'scope' is not valid.",
  },
} as const satisfies Record<string, EntraRefusal | ((...args: never[]) => EntraRefusal)>;

export function refusalBody({ error, code, sentence }: EntraRefusal): object {
  const timestamp = new Date()
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
  const traceId = randomUUID();
  const correlationId = randomUUID();
  return {
    error,
    error_description: `AADSTS${code}: ${sentence}\r\nTrace ID: ${traceId}\r\nCorrelation ID: ${correlationId}\r\nTimestamp: ${timestamp}`,
    error_codes: [code],
    timestamp,
    trace_id: traceId,
    correlation_id: correlationId,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`,
  };
}
