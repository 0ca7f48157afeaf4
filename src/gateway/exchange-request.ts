/** What `POST /v1/tokens/exchange` takes and answers (RFC 8693), as JSON or as the RFC's form parameters. */
import * as z from "zod";
import { AuthorizationDetail } from "../capability/claims.ts";
import { TOKEN_EXCHANGE } from "../capability/oauth-metadata.ts";
import { AgentId, TokenId } from "../kernel/ids.ts";
import { parseJsonText } from "../kernel/read-json-body.ts";
import {
  MAX_DELEGATION_DEPTH,
  MAX_TOKEN_BYTES,
  TOKEN_DEFAULT_SECONDS,
  TOKEN_MAX_SECONDS,
} from "../kernel/token-limits.ts";

export const EXCHANGE_PATH = "/v1/tokens/exchange";

export const ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token";
/** Both name a capability token: it is an access token, and a JWT. */
const TokenType = z.enum([ACCESS_TOKEN, "urn:ietf:params:oauth:token-type:jwt"]);

const details = z.array(AuthorizationDetail).min(1).max(20);

export const ExchangeRequest = z
  .strictObject({
    grant_type: z.literal(TOKEN_EXCHANGE),
    subject_token: z
      .string()
      .min(1)
      .max(MAX_TOKEN_BYTES)
      .optional()
      .meta({ description: "The parent, unless it is sent as on the data plane." }),
    subject_token_type: TokenType.optional(),
    requested_token_type: TokenType.optional(),
    actor: AgentId.optional().meta({
      description:
        "The sub-agent that is to act with the child: an agent of the same tenant. Absent = who acts with the parent.",
    }),
    authorization_details: details.optional().meta({
      description:
        "RFC 9396: each inside one of the parent's, with every constraint of it repeated or narrowed. Absent = the parent's.",
    }),
    expires_in: z
      .int()
      .min(1)
      .max(TOKEN_MAX_SECONDS)
      .default(TOKEN_DEFAULT_SECONDS)
      .meta({ description: "Seconds; the child ends with its parent at the latest." }),
    max_depth: z
      .int()
      .min(0)
      .max(MAX_DELEGATION_DEPTH - 1)
      .default(0)
      .meta({ description: "How often the child may be exchanged in turn." }),
  })
  .refine(({ subject_token, subject_token_type }) => !subject_token || subject_token_type, {
    path: ["subject_token"],
    message: "needs `subject_token_type` beside it",
  })
  .meta({ id: "TokenExchange", description: "RFC 8693." });
export type ExchangeRequest = z.infer<typeof ExchangeRequest>;

export const ExchangedToken = z
  .strictObject({
    access_token: z.string(),
    issued_token_type: z.literal(ACCESS_TOKEN),
    token_type: z
      .enum(["Bearer", "DPoP"])
      .meta({ description: "`DPoP`: each call needs a proof by the holder's key (RFC 9449)." }),
    expires_in: z.int().min(1),
    jti: TokenId,
    authorization_details: details
      .optional()
      .meta({ description: "What the child may do at most; absent = all that the policies grant." }),
  })
  .meta({ id: "ExchangedToken" });
export type ExchangedToken = z.infer<typeof ExchangedToken>;

/** Form parameters are texts; these of ours are numbers, or JSON (RFC 9396, section 2). */
const valueOfText: Readonly<Record<string, (text: string) => unknown>> = {
  expires_in: numberOf,
  max_depth: numberOf,
  authorization_details: jsonOf,
};

/** What is no such text stays one, for the schema to refuse. */
export const membersOfForm = (form: object): object =>
  Object.fromEntries(
    Object.entries(form).map(([name, text]) => {
      const read = Object.hasOwn(valueOfText, name) ? valueOfText[name] : undefined;
      return [name, read === undefined ? text : read(text)];
    }),
  );

function numberOf(text: string): unknown {
  return /^\d{1,9}$/.test(text) ? Number(text) : text;
}

function jsonOf(text: string): unknown {
  const read = parseJsonText(text);
  return read.ok ? read.value : text;
}
