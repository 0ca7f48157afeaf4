/**
 * How refusals look on the wire, as schemas: an RFC 9457 problem on the control plane, Azure's error object on the
 * data plane. The kernel writes both (wire.ts); tests hold every real refusal against these.
 */
import * as z from "zod";
import { ApprovalId, RequestId } from "../kernel/ids.ts";
import { RefusalCodeSchema as code } from "../kernel/refusal-code.ts";
import { ToldLimit } from "../quota/told-limit.ts";

export const Problem = z
  .strictObject({
    type: z.string().meta({ description: "`urn:portcullis:problem:` and the code." }),
    title: z.string().meta({ description: "The code's sentence." }),
    status: z.int(),
    code,
    detail: z.string().meta({ description: "What was wrong with this request." }),
    field: z.string().optional().meta({ description: "The JSON path, header or parameter at fault." }),
    limit: ToldLimit.optional(),
    requestId: RequestId,
  })
  .meta({
    id: "Problem",
    description: "RFC 9457. `code`, `field`, `limit` and `requestId` are extension members.",
  });

export const AzureError = z
  .strictObject({
    error: z.strictObject({
      code,
      message: z.string(),
      param: z.string().nullable(),
      type: z.literal("portcullis_refusal"),
      limit: ToldLimit.optional(),
      approval_id: ApprovalId.optional().meta({ description: "Which approval the request waits for." }),
    }),
  })
  .meta({
    id: "AzureError",
    description:
      "A refusal of this gateway in Azure OpenAI's shape, so that the official SDKs throw their own types.",
  });
