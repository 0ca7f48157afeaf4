/**
 * Embeddings: unit vectors that depend on the text alone, as numbers or as base64 of little-endian 32-bit
 * floats (the default of the official SDKs, not of the API).
 */
import type { EmbeddingAsk } from "./ask.ts";
import { jsonReply, type Reply } from "./reply.ts";
import type { SimulatedDeployment } from "./simulated-deployment.ts";

export function embeddingReply(
  ask: EmbeddingAsk,
  deployment: SimulatedDeployment,
  promptTokens: number | undefined,
): Reply {
  const dimensions = ask.dimensions ?? deployment.dimensions ?? 1536;
  const body = {
    object: "list",
    data: ask.texts.map((text, index) => {
      const vector = embeddingOf(text, dimensions);
      return { object: "embedding", index, embedding: ask.isBase64 ? toBase64(vector) : Array.from(vector) };
    }),
    model: deployment.modelVersion,
  };
  const usage =
    promptTokens === undefined ? {} : { usage: { prompt_tokens: promptTokens, total_tokens: promptTokens } };
  return jsonReply(200, { ...body, ...usage }, "model");
}

/** FNV-1a seeds a linear congruential generator: cheap, and the same on every machine. */
export function embeddingOf(text: string, dimensions: number): Float32Array {
  let state = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    state = Math.imul(state ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  const raw = Float32Array.from({ length: dimensions }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  const length = Math.hypot(...raw);
  return raw.map((value) => value / length);
}

function toBase64(vector: Float32Array): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => {
    bytes.writeFloatLE(value, index * 4);
  });
  return bytes.toString("base64");
}
