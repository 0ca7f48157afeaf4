/**
 * The faults the simulator can be told to show, as one zod union: the programmatic `next()` and
 * `POST /_simulator/faults` accept exactly these. A chunk is one SSE event of a stream; of a JSON body
 * (which is then sent in two halves) it is one half.
 */
import * as z from "zod";

const milliseconds = z.int().min(0).max(600_000);
const tokenCount = z.int().min(0);
const chunkCount = z.int().min(0);

export const Fault = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("rate-limited"),
    wording: z.enum(["old", "new"]).default("new"),
    limit: z.enum(["tokens", "calls"]).default("tokens"),
    /** null leaves the `Retry-After` header out; the sentence then names 10 seconds. */
    retryAfterSeconds: z.int().min(0).nullable().default(10),
    /** Absent: the seconds in milliseconds. null leaves the header out. */
    retryAfterMs: z.int().min(0).nullable().optional(),
  }),
  z.strictObject({ kind: z.literal("prompt-blocked"), innerError: z.boolean().default(true) }),
  z.strictObject({ kind: z.literal("output-filtered") }),
  z.strictObject({
    kind: z.literal("status"),
    status: z.int().min(400).max(599),
    /** A string is sent as it is, anything else as JSON. */
    body: z.unknown().optional(),
    headers: z.record(z.string(), z.string()).default({}),
  }),
  z.strictObject({
    kind: z.literal("slow"),
    beforeHeadersMs: milliseconds.default(0),
    betweenChunksMs: milliseconds.default(0),
  }),
  /** Without `afterChunks` not even headers are sent; with it, headers and so many chunks, then silence. */
  z.strictObject({ kind: z.literal("hang"), afterChunks: chunkCount.optional() }),
  /** The socket is destroyed. */
  z.strictObject({ kind: z.literal("cut"), afterChunks: chunkCount }),
  /** The body ends properly in HTTP, but too early in Azure's terms. */
  z.strictObject({ kind: z.literal("silent-end"), afterChunks: chunkCount }),
  /** Without `afterChunks` the whole 200 body is not JSON; with it, one bad event stands in the stream. */
  z.strictObject({ kind: z.literal("garbage"), afterChunks: chunkCount.optional() }),
  /** No usage chunk, no usage in the JSON body, null in the terminal event of Responses. */
  z.strictObject({ kind: z.literal("no-usage") }),
  /** Reported output (of embeddings: input) exceeds the asked bound by so many tokens. */
  z.strictObject({ kind: z.literal("debt"), extraTokens: z.int().min(1) }),
  z.strictObject({
    kind: z.literal("usage"),
    promptTokens: tokenCount,
    completionTokens: tokenCount,
    cachedTokens: tokenCount.default(0),
    reasoningTokens: tokenCount.default(0),
  }),
  /** Not a failure: the model says this instead of its echo. */
  z.strictObject({ kind: z.literal("reply"), text: z.string() }),
  /** Not a failure: the model calls this function instead of saying anything; `arguments` is JSON. */
  z.strictObject({ kind: z.literal("tool-call"), name: z.string(), arguments: z.string() }),
  /** Not a failure: headers that come on top of the usual ones, such as those of spillover. */
  z.strictObject({ kind: z.literal("headers"), headers: z.record(z.string(), z.string()) }),
]);
export type Fault = z.infer<typeof Fault>;
export type FaultInput = z.input<typeof Fault>;

/** Faults that act together on one request, for example slow and cut. */
export const QueuedFaults = z.strictObject({
  faults: z.array(Fault).min(1),
  deployment: z.string().optional(),
});
export type QueuedFaults = z.infer<typeof QueuedFaults>;
