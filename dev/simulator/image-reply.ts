/**
 * Generated and edited pictures, in the shapes of the GPT image models: base64 in JSON, or a stream of unfinished
 * pictures and one finished one. The picture is a few deterministic bytes, its tokens are the documented ones.
 */
import * as z from "zod";
import type { UsageRule } from "./generation.ts";
import { appliedUsage, type MediaUsage, usageTotals } from "./media-usage.ts";
import { jsonReply, namedEvent, type Reply, streamReply } from "./reply.ts";
import { countTokens } from "./token-count.ts";

const File = z.looseObject({ filename: z.string(), sha256: z.string() });

export const ImageBody = z.looseObject({
  model: z.string().optional(),
  prompt: z.string().min(1),
  n: z.int().min(1).max(10).nullish(),
  size: z.enum(["auto", "1024x1024", "1024x1536", "1536x1024"]).nullish(),
  quality: z.enum(["auto", "low", "medium", "high"]).nullish(),
  stream: z.boolean().nullish(),
  partial_images: z.int().min(0).max(3).nullish(),
});
export type ImageBody = z.infer<typeof ImageBody>;

export const ImageEditBody = ImageBody.extend({
  image: z.union([File, z.array(File).min(1).max(16)]),
  mask: File.nullish(),
});

const outputTokens = {
  "1024x1024": { low: 272, medium: 1_056, high: 4_160 },
  "1024x1536": { low: 408, medium: 1_584, high: 6_240 },
  "1536x1024": { low: 400, medium: 1_568, high: 6_208 },
} as const;
const PARTIAL_TOKENS = 100;
/** One square picture as input, and the text that comes with it (both seen on api.openai.com). */
const INPUT_PICTURE_TOKENS = 194;
const INPUT_PICTURE_TEXT_TOKENS = 32;

interface Call {
  readonly body: ImageBody;
  readonly pictures: number;
  readonly eventsOf: "image_generation" | "image_edit";
  readonly createdSeconds: number;
  readonly usageRule: UsageRule;
}

/** @param image of an edit. */
export const picturesIn = (image: unknown): number => (Array.isArray(image) ? image.length : 1);

export function imageReply({ body, pictures, eventsOf, createdSeconds, usageRule }: Call): Reply {
  const { prompt, n, stream, partial_images: partial } = body;
  const size = body.size && body.size !== "auto" ? body.size : "1024x1024";
  const quality = body.quality && body.quality !== "auto" ? body.quality : "medium";
  const facts = { background: "opaque", output_format: "png", quality, size };
  const partials = stream ? (partial ?? 0) : 0;
  const each = outputTokens[size][quality] + partials * PARTIAL_TOKENS;
  const used = appliedUsage(usageRule, {
    textTokens: countTokens(prompt) + pictures * INPUT_PICTURE_TEXT_TOKENS,
    mediaTokens: pictures * INPUT_PICTURE_TOKENS,
    outputTokens: each * (n ?? 1),
  });
  const usage = used && usageOf(used);
  const picture = (what: string) => Buffer.from(`PNG of "${prompt}", ${what}`).toString("base64");
  if (!stream) {
    const data = Array.from({ length: n ?? 1 }, (_, index) => ({ b64_json: picture(`${index}`) }));
    return jsonReply(200, { created: createdSeconds, ...facts, data, ...(usage && { usage }) }, "model");
  }
  const event = (kind: string, fields: object) =>
    namedEvent(`${eventsOf}.${kind}`, { created_at: createdSeconds, ...facts, ...fields });
  return streamReply([
    ...Array.from({ length: partials }, (_, index) =>
      event("partial_image", { b64_json: picture(`unfinished ${index}`), partial_image_index: index }),
    ),
    event("completed", { b64_json: picture("0"), ...(usage && { usage }) }),
  ]);
}

const usageOf = (used: MediaUsage) => ({
  ...usageTotals(used),
  input_tokens_details: { image_tokens: used.mediaTokens, text_tokens: used.textTokens },
});
