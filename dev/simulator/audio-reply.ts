/**
 * Transcripts and speech. What was heard is a sentence about the file, so a test can tell which file came; what is said
 * are a few deterministic bytes in several pieces. `whisper` reports seconds, the later models tokens, and an answer that
 * is plain text or sound reports nothing.
 */
import * as z from "zod";
import { modelError } from "./azure-error.ts";
import type { UsageRule } from "./generation.ts";
import { appliedUsage, usageTotals } from "./media-usage.ts";
import { jsonReply, namedEvent, type Reply, soundReply, streamReply, textReply } from "./reply.ts";
import { countTokens, splitTokens } from "./token-count.ts";

export const TranscriptBody = z.looseObject({
  model: z.string().optional(),
  file: z.looseObject({
    filename: z.string(),
    type: z.string(),
    bytes: z.int(),
    seconds: z.number().optional(),
  }),
  prompt: z.string().nullish(),
  response_format: z.enum(["json", "text", "srt", "vtt", "verbose_json"]).nullish(),
  stream: z.boolean().nullish(),
});
type TranscriptBody = z.infer<typeof TranscriptBody>;

export const SpeechBody = z.looseObject({
  model: z.string().optional(),
  input: z.string().min(1).max(4_096),
  voice: z.string(),
  response_format: z.enum(["mp3", "opus", "aac", "flac", "wav", "pcm"]).nullish(),
  stream_format: z.enum(["sse", "audio"]).nullish(),
});
type SpeechBody = z.infer<typeof SpeechBody>;

/** Azure's, for sound. */
export const MAX_AUDIO_BYTES = 26_214_400;

export const audioTooLarge = (bytes: number): Reply =>
  jsonReply(
    413,
    {
      error: {
        message: `Maximum content size limit (${MAX_AUDIO_BYTES}) exceeded (${bytes} bytes read)`,
        type: "server_error",
        param: null,
        code: null,
      },
    },
    "refusal",
  );

/** Seen on api.openai.com; how long other formats last is not looked into here. */
export const MIN_AUDIO_SECONDS = 0.1;

export const audioTooShort: Reply = modelError(
  `Audio file is too short. Minimum audio length is ${MIN_AUDIO_SECONDS} seconds.`,
  "file",
  "audio_too_short",
);

const SECONDS = 3;
const AUDIO_TOKENS = 30;

interface Heard {
  readonly body: TranscriptBody;
  readonly task: "transcribe" | "translate";
  readonly isBilledByTime: boolean;
  readonly usageRule: UsageRule;
}

export function transcriptReply({ body, task, isBilledByTime, usageRule }: Heard): Reply {
  const { file, prompt, response_format: format, stream } = body;
  const text = `You played ${file.bytes} bytes of ${file.type} from ${file.filename}.`;
  const used = appliedUsage(usageRule, {
    textTokens: countTokens(prompt ?? ""),
    mediaTokens: AUDIO_TOKENS,
    outputTokens: splitTokens(text).length,
  });
  const inSeconds = { type: "duration", seconds: SECONDS };
  const usage = used && {
    type: "tokens",
    ...usageTotals(used),
    input_token_details: { text_tokens: used.textTokens, audio_tokens: used.mediaTokens },
  };
  const told = used === undefined ? {} : { usage: isBilledByTime ? inSeconds : usage };
  if (stream && task === "transcribe" && !isBilledByTime) {
    return streamReply([
      ...splitTokens(text).map((delta) => namedEvent("transcript.text.delta", { delta })),
      namedEvent("transcript.text.done", { text, ...told }),
    ]);
  }
  switch (format ?? "json") {
    case "text":
      return plain(`${text}\n`);
    case "srt":
      return plain(`1\n00:00:00,000 --> 00:00:03,000\n${text}\n\n`);
    case "vtt":
      return plain(`WEBVTT\n\n00:00:00.000 --> 00:00:03.000\n${text}\n\n`);
    case "verbose_json": {
      const segments = [{ id: 0, seek: 0, start: 0, end: SECONDS, text, tokens: [], temperature: 0 }];
      const facts = { task, language: "english", duration: SECONDS, text, segments };
      return jsonReply(200, { ...facts, ...(used && { usage: inSeconds }) }, "model");
    }
    default:
      return jsonReply(200, { text, ...(task === "transcribe" ? told : {}) }, "model");
  }
}

const plain = (text: string): Reply => ({
  ...textReply(200, text, "model"),
  contentType: "text/plain; charset=utf-8",
});

const soundTypes = {
  mp3: "audio/mpeg",
  opus: "audio/opus",
  aac: "audio/aac",
  flac: "audio/flac",
  wav: "audio/wav",
  pcm: "audio/pcm",
} as const;

export function speechReply(body: SpeechBody, usageRule: UsageRule): Reply {
  const words = splitTokens(body.input);
  // No text at all: whoever takes it for UTF-8 loses it.
  const pieces = words.map((word, index) => Uint8Array.from([0xff, index, 0x00, ...Buffer.from(word)]));
  if (body.stream_format !== "sse") return soundReply(pieces, soundTypes[body.response_format ?? "mp3"]);
  const used = appliedUsage(usageRule, {
    textTokens: words.length,
    mediaTokens: 0,
    outputTokens: AUDIO_TOKENS,
  });
  return streamReply([
    ...pieces.map((piece) =>
      namedEvent("speech.audio.delta", { audio: Buffer.from(piece).toString("base64") }),
    ),
    namedEvent("speech.audio.done", used ? { usage: usageTotals(used) } : {}),
  ]);
}
