/** A token as it is told to whoever asked for it, on being issued and on being refreshed. */
import * as z from "zod";
import { TokenId } from "../kernel/ids.ts";
import { Timestamp } from "../kernel/timestamp.ts";

export const ToldToken = z
  .strictObject({
    token: z.string(),
    tokenType: z
      .enum(["Bearer", "DPoP"])
      .meta({ description: "`DPoP`: each call needs a proof by the agent's key (RFC 9449)." }),
    expiresAt: Timestamp,
    refreshUntil: Timestamp.nullable().meta({ description: "Null = it may not be refreshed." }),
    jti: TokenId,
  })
  .meta({ id: "IssuedToken" });
export type ToldToken = z.infer<typeof ToldToken>;
