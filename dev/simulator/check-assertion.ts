/**
 * What Entra does with a client assertion: finds the federated credential that names its issuer, subject and audience,
 * fetches the issuer's discovery document and keys, and verifies. Every comparison is exact.
 */
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, errors, jwtVerify } from "jose";
import * as z from "zod";
import { type EntraRefusal, entraRefusals } from "./entra-error.ts";

export interface FederatedCredential {
  readonly tenantId: string;
  readonly clientId: string;
  readonly issuer: string;
  readonly subject: string;
  readonly audience: string;
}

export interface Trust {
  readonly credentials: readonly FederatedCredential[];
  /** Instead of DNS: where the hosts of issuers are, origin to origin. */
  readonly hosts: ReadonlyMap<string, string>;
  /** Which part of an assertion does not match is told by newer codes, or not at all. */
  readonly newCodes: boolean;
}

const Discovery = z.looseObject({ issuer: z.string(), jwks_uri: z.url() });
const KeySet = z.looseObject({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) });
/** Entra keeps no more of an issuer's. */
const MAX_KEYS = 100;

/** Null = it is in order. */
export async function checkAssertion(
  assertion: string,
  { tenantId, clientId }: Pick<FederatedCredential, "tenantId" | "clientId">,
  trust: Trust,
): Promise<EntraRefusal | null> {
  const presented = read(assertion);
  if (presented === null) return entraRefusals.assertionInvalid;
  const { claims, header } = presented;
  const ofDirectory = trust.credentials.filter((one) => one.tenantId === tenantId);
  if (ofDirectory.length === 0) return entraRefusals.directoryUnknown;
  const ofClient = ofDirectory.filter((one) => one.clientId === clientId);
  if (ofClient.length === 0) return entraRefusals.applicationUnknown;
  const ofIssuer = ofClient.filter(({ issuer }) => issuer === claims.iss);
  const ofSubject = ofIssuer.filter(({ subject }) => subject === claims.sub);
  const [record] = ofSubject.filter(({ audience }) => audience === claims.aud);
  if (record === undefined) {
    const part = ofIssuer.length === 0 ? "issuer" : ofSubject.length === 0 ? "subject" : "audience";
    return entraRefusals.noRecord(trust.newCodes ? part : "any", {
      iss: claims.iss,
      sub: claims.sub,
      aud: claims.aud,
    });
  }
  const keys = await keysOf(record.issuer, trust.hosts).catch(() => null);
  if (keys === null) return entraRefusals.issuerUnreachable;
  if (!keys.some(({ kid }) => kid === header.kid)) return entraRefusals.keyUnknown(header.kid, record.issuer);
  return verify(assertion, keys);
}

function read(assertion: string) {
  try {
    return { claims: decodeJwt(assertion), header: decodeProtectedHeader(assertion) };
  } catch {
    return null;
  }
}

async function keysOf(issuer: string, hosts: Trust["hosts"]) {
  const fetched = async (url: string) => {
    const { origin, pathname, search } = new URL(url);
    const answer = await fetch(`${hosts.get(origin) ?? origin}${pathname}${search}`, { redirect: "error" });
    if (!answer.ok) throw new Error(`${url} answered ${answer.status}.`);
    return answer.json();
  };
  const discovery = Discovery.parse(await fetched(`${issuer}/.well-known/openid-configuration`));
  if (discovery.issuer !== issuer) throw new Error("The discovery document is another issuer's.");
  return KeySet.parse(await fetched(discovery.jwks_uri)).keys.slice(0, MAX_KEYS);
}

async function verify(assertion: string, keys: z.infer<typeof KeySet>["keys"]): Promise<EntraRefusal | null> {
  try {
    await jwtVerify(assertion, createLocalJWKSet({ keys }), {
      algorithms: ["RS256"],
      requiredClaims: ["exp", "nbf", "iat", "jti"],
      clockTolerance: 300,
    });
    return null;
  } catch (error) {
    const isOutOfTime =
      error instanceof errors.JWTExpired ||
      (error instanceof errors.JWTClaimValidationFailed && error.claim === "nbf");
    if (isOutOfTime) return entraRefusals.assertionExpired;
    return error instanceof errors.JWSSignatureVerificationFailed
      ? entraRefusals.signatureInvalid
      : entraRefusals.assertionInvalid;
  }
}
