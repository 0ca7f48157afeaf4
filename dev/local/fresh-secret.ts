/** Values for the gateway's own secrets where they are missing, local and deployed alike. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { SecretName } from "../deploy/plan.ts";

const random = (): string => randomBytes(32).toString("base64url");

function keySet(): string {
  const { crv, d, kty, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return JSON.stringify({ keys: [{ kty, crv, x, d }] });
}

/** Not among the others: a deployment that uses no Entra identity needs none. */
export function freshEntraKeys(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const { kty, n, e, d, p, q, dp, dq, qi } = privateKey.export({ format: "jwk" });
  return JSON.stringify({ keys: [{ kty, n, e, d, p, q, dp, dq, qi }] });
}

const makers: Readonly<Record<SecretName, () => string>> = {
  SIGNING_KEYS: keySet,
  RECEIPT_KEYS: keySet,
  LEDGER_NAME_SECRET: random,
  END_USER_SALT: random,
  WEBHOOK_SECRET: random,
};

export const freshSecret = (name: SecretName): string => makers[name]();
