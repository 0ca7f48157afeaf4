/** What the operations of `/v1/tokens` take and answer. */
import * as z from "zod";
import { AuthorizationDetail } from "../capability/claims.ts";
import { ToldToken } from "../capability/told-token.ts";
import { AgentId } from "../kernel/ids.ts";
import {
  MAX_DELEGATION_DEPTH,
  MAX_END_USER_CHARACTERS,
  TOKEN_CHAIN_MAX_SECONDS,
  TOKEN_DEFAULT_SECONDS,
  TOKEN_MAX_SECONDS,
} from "../kernel/token-limits.ts";
import { described, NoQuery } from "./operation-description.ts";

export const TokenInput = z
  .strictObject({
    agentId: AgentId,
    expiresIn: z
      .int()
      .min(1)
      .max(TOKEN_MAX_SECONDS)
      .default(TOKEN_DEFAULT_SECONDS)
      .meta({ description: "Seconds." }),
    authorizationDetails: z
      .array(AuthorizationDetail)
      .min(1)
      .max(20)
      .optional()
      .meta({ description: "RFC 9396. Absent = all that the policies grant." }),
    delegation: z
      .strictObject({ maxDepth: z.int().min(1).max(MAX_DELEGATION_DEPTH) })
      .optional()
      .meta({
        description:
          "How often the token may be exchanged, one child after another. Absent = it cannot be exchanged.",
      }),
    refreshableFor: z.int().min(1).max(TOKEN_CHAIN_MAX_SECONDS).optional().meta({
      description: "Seconds from now in which the token may be refreshed. Absent = it may not.",
    }),
    endUser: z.string().min(1).max(MAX_END_USER_CHARACTERS).optional().meta({
      description: "The person behind all calls with it, whatever their bodies name. Kept as a hash.",
    }),
  })
  .meta({ id: "TokenInput" });

export const tokenDescriptions = {
  issue: described({
    method: "POST",
    path: "/tokens",
    operationId: "issueToken",
    summary: "Issue a capability token for an agent. It is in this answer and stored nowhere.",
    scope: "tokens:write",
    query: NoQuery,
    body: TokenInput,
    example: { agentId: "agent_0192f0c1a2b37c4d8e5f60718293a4b5", expiresIn: 900 },
    answer: { status: 201, schema: ToldToken },
    refusals: ["not_found", "agent_disabled", "meaningless", "signing_keys_ended"],
  }),
};
