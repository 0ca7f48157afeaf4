/** A picture of dall-e-3: one at a time, by its address or in base64, and billed by the piece, so that no usage is told. */
import * as z from "zod";
import { jsonReply, type Reply } from "./reply.ts";

export const DallEBody = z.looseObject({
  prompt: z.string().min(1),
  n: z.literal(1).nullish(),
  size: z.enum(["1024x1024", "1792x1024", "1024x1792"]).nullish(),
  quality: z.enum(["standard", "hd"]).nullish(),
  style: z.enum(["natural", "vivid"]).nullish(),
  response_format: z.enum(["url", "b64_json"]).nullish(),
});
export type DallEBody = z.infer<typeof DallEBody>;

export function dallEReply({ prompt, response_format: format }: DallEBody, createdSeconds: number): Reply {
  const picture =
    format === "b64_json"
      ? { b64_json: Buffer.from(`PNG of "${prompt}"`).toString("base64") }
      : { url: "https://dalleproduse.blob.core.windows.net/private/images/generated_00.png" };
  const data = [{ revised_prompt: `A picture of ${prompt}`, ...picture }];
  return jsonReply(200, { created: createdSeconds, data }, "model");
}
