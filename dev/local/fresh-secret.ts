/** Values for the gateway's own secrets where they are missing, local and deployed alike. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import type { SecretName } from "../deploy/plan.ts";

const random = (): string => randomBytes(32).toString("base64url");

function keySet(): string {
  const { crv, d, kty, x } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return JSON.stringify({ keys: [{ kty, crv, x, d }] });
}

const makers: Readonly<Record<SecretName, () => string>> = {
  SIGNING_KEYS: keySet,
  RECEIPT_KEYS: keySet,
  LEDGER_NAME_SECRET: random,
  END_USER_SALT: random,
  WEBHOOK_SECRET: random,
};

export const freshSecret = (name: SecretName): string => makers[name]();
