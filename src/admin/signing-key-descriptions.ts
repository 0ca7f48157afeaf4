/** What the operations of `/v1/keys/signing` take and answer. */
import * as z from "zod";
import { KeyId } from "../capability/key-states.ts";
import { SigningKeySet, SigningKeyView } from "../capability/signing-key-view.ts";
import type { RefusalCode } from "../kernel/refusal.ts";
import { Revision } from "../policy/snapshot.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";

const SigningKeys = SigningKeySet.meta({ id: "SigningKeys" });
const WrittenSigningKeys = SigningKeySet.extend({ revision: Revision }).meta({ id: "WrittenSigningKeys" });
/** It enters records, so it is a sentence and no document. */
const Reason = z.string().trim().min(1).max(300);

const RotationInput = z
  .strictObject({
    keyId: KeyId.optional().meta({
      description: "Absent = the one published key of the secret that does not sign already.",
    }),
    forceReason: Reason.optional().meta({
      description: "Promotes a key though caches of the published keys may lack it, and is recorded.",
    }),
  })
  .meta({ id: "SigningKeyRotation" });
const KillInput = z
  .strictObject({ reason: Reason.meta({ description: "Recorded." }) })
  .meta({ id: "SigningKeyKill" });

const ofWrites = ["write_in_progress", "ledger_unavailable"] as const satisfies readonly RefusalCode[];

export const signingKeyDescriptions = {
  list: described({
    method: "GET",
    path: "/keys/signing",
    operationId: "listSigningKeys",
    summary: "The keys that sign tokens: their states, and until when each one's tokens are accepted.",
    scope: "keys:read",
    platformOnly: true,
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: SigningKeys },
  }),
  get: described({
    method: "GET",
    path: "/keys/signing/:keyId",
    operationId: "getSigningKey",
    summary: "Look up a key that signs tokens.",
    scope: "keys:read",
    platformOnly: true,
    params: { keyId: KeyId },
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: SigningKeyView.meta({ id: "SigningKey" }) },
  }),
  rotate: described({
    method: "POST",
    path: "/keys/signing/rotate",
    operationId: "rotateSigningKeys",
    summary: "Promote a published key: it signs from now on, and the one before it is retired.",
    scope: "keys:write",
    platformOnly: true,
    query: NoQuery,
    body: RotationInput,
    example: { forceReason: "a fresh deployment, nobody has cached its keys" },
    answer: { status: 200, schema: WrittenSigningKeys, hasRevision: true },
    refusals: ["not_found", "key_state_conflict", "key_published_too_recently", ...ofWrites],
  }),
  kill: described({
    method: "POST",
    path: "/keys/signing/:keyId/kill",
    operationId: "killSigningKey",
    summary:
      "Withdraw a key at once and for good: once this has answered, none of its tokens opens anything.",
    scope: "keys:write",
    platformOnly: true,
    params: { keyId: KeyId },
    query: NoQuery,
    body: KillInput,
    example: { reason: "found in a public repository" },
    answer: { status: 200, schema: WrittenSigningKeys, hasRevision: true },
    refusals: ofWrites,
  }),
};
