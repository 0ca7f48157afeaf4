/**
 * One request to a model, from its text to an answer: deployment, operation and body are checked in that
 * order, and only a request that would have been served uses up a fault.
 */
import type * as z from "zod";
import {
  ChatBody,
  CompletionBody,
  chatAsk,
  completionAsk,
  EmbeddingBody,
  embeddingAsk,
  ResponseBody,
  responseAsk,
} from "./ask.ts";
import {
  audioTooLarge,
  audioTooShort,
  MAX_AUDIO_BYTES,
  MIN_AUDIO_SECONDS,
  SpeechBody,
  speechReply,
  TranscriptBody,
  transcriptReply,
} from "./audio-reply.ts";
import {
  deploymentNotFound,
  maxTokensUnsupported,
  modelError,
  operationNotSupported,
} from "./azure-error.ts";
import { chatReply } from "./chat-reply.ts";
import { completionReply } from "./completion-reply.ts";
import { DallEBody, dallEReply } from "./dall-e-reply.ts";
import type { Delivery } from "./delivery.ts";
import { embeddingReply } from "./embedding-reply.ts";
import { noFaults, planFaults } from "./fault-plan.ts";
import { type Adjustments, embeddingUsage, generate } from "./generation.ts";
import { ImageBody, ImageEditBody, imageReply, picturesIn } from "./image-reply.ts";
import { type Reply, textReply } from "./reply.ts";
import type { RequestBody } from "./request-body.ts";
import { responseReply } from "./response-reply.ts";
import type { Operation, SimulatedDeployment } from "./simulated-deployment.ts";
import type { SimulatorContext } from "./simulator-context.ts";
import { backgroundNeedsStore, previousNotFound } from "./stored-answers.ts";

export interface ModelRequest {
  readonly operation: Operation;
  /** From the path; undefined on v1, where the body names it. */
  readonly deployment: string | undefined;
  readonly apiVersion: string | undefined;
  readonly body: RequestBody;
}

export interface ModelAnswer {
  readonly reply: Reply;
  readonly delivery: Delivery;
  readonly deployment: string | undefined;
}

/** A body that was accepted; it becomes an answer once the faults are known. */
type Prepared = { readonly refusal: Reply } | { readonly answer: (adjustments: Adjustments) => Reply };

interface Preparation {
  readonly body: unknown;
  readonly deployment: SimulatedDeployment;
  readonly context: SimulatorContext;
  readonly createdSeconds: number;
}

export function answerModelRequest(request: ModelRequest, context: SimulatorContext): ModelAnswer {
  // A form is a body of the operations that take files, and of no other.
  const body = request.body.isForm === takesForm.has(request.operation) ? request.body.fields : undefined;
  const name = request.deployment ?? (typeof body?.model === "string" ? body.model : undefined);
  const refuse = (reply: Reply): ModelAnswer => ({ reply, delivery: noFaults.delivery, deployment: name });

  if (request.deployment === undefined && body === undefined) return refuse(unparsableBody);
  if (name === undefined) return refuse(modelError("you must provide a model parameter", null, null));
  const deployment = context.deployments.get(name);
  if (deployment === undefined) return refuse(deploymentNotFound);
  if (!deployment.operations.includes(request.operation)) {
    return refuse(operationNotSupported(request.operation, name));
  }
  if (body === undefined) return refuse(unparsableBody);
  const misplaced = streamOptionsRefusal(body, request.apiVersion, context);
  if (misplaced !== undefined) return refuse(misplaced);

  const createdSeconds = Math.floor(Date.now() / 1000);
  const prepared = prepare[request.operation]({ body, deployment, context, createdSeconds });
  if ("refusal" in prepared) return refuse(prepared.refusal);

  const plan = planFaults(context.faults.take(name), {
    operation: request.operation,
    deployment,
    apiVersion: request.apiVersion ?? "v1",
    region: context.region,
  });
  const reply = plan.instead ?? prepared.answer(plan.adjustments);
  const isSpoiled = plan.delivery.garbageAt !== undefined && !reply.isStream;
  return {
    reply: {
      ...(isSpoiled ? textReply(200, reply.parts.map(String).join("").slice(0, -20), "model") : reply),
      headers: { ...reply.headers, ...plan.headers },
    },
    delivery: plan.delivery,
    deployment: name,
  };
}

const prepare: Record<Operation, (preparation: Preparation) => Prepared> = {
  chat: (preparation) =>
    withBody(ChatBody, preparation, (body) => {
      if (preparation.deployment.reasoning && body.max_tokens != null) {
        return { refusal: maxTokensUnsupported };
      }
      const ask = chatAsk(body);
      const { stored } = preparation.context;
      const keep = body.store === true ? stored.keep : undefined;
      return {
        answer: (adjustments) => chatReply({ ...generated(ask, preparation, adjustments), body, keep }),
      };
    }),
  completions: (preparation) =>
    withBody(CompletionBody, preparation, (body) => {
      const ask = completionAsk(body);
      return { answer: (adjustments) => completionReply(generated(ask, preparation, adjustments)) };
    }),
  embeddings: (preparation) =>
    withBody(EmbeddingBody, preparation, (body) => {
      const ask = embeddingAsk(body);
      if (ask.texts.length > maxEmbeddingInputs) return { refusal: tooManyInputs };
      return {
        answer: ({ usageRule }) =>
          embeddingReply(ask, preparation.deployment, embeddingUsage(ask.promptTokens, usageRule)),
      };
    }),
  responses: (preparation) =>
    withBody(ResponseBody, preparation, (body) => {
      const { stored, responseStream: style } = preparation.context;
      const previous = body.previous_response_id;
      const earlierTokens = typeof previous === "string" ? stored.tokensOf(previous) : 0;
      if (earlierTokens === undefined) return { refusal: previousNotFound(String(previous)) };
      if (body.background === true && body.store === false) return { refusal: backgroundNeedsStore };
      const own = responseAsk(body);
      const ask = { ...own, promptTokens: own.promptTokens + earlierTokens };
      const keep = body.store === false ? undefined : stored.keep;
      return {
        answer: (adjustments) =>
          responseReply({ ...generated(ask, preparation, adjustments), body, style, keep }),
      };
    }),
  imageGenerations: ({ createdSeconds, ...preparation }) =>
    preparation.deployment.model === "dall-e-3"
      ? withBody(DallEBody, preparation, (body) => ({ answer: () => dallEReply(body, createdSeconds) }))
      : withBody(ImageBody, preparation, (body) => ({
          answer: ({ usageRule }) =>
            imageReply({ body, pictures: 0, eventsOf: "image_generation", createdSeconds, usageRule }),
        })),
  imageEdits: ({ createdSeconds, ...preparation }) =>
    withBody(ImageEditBody, preparation, (body) => {
      const pictures = picturesIn(body.image);
      return {
        answer: ({ usageRule }) =>
          imageReply({ body, pictures, eventsOf: "image_edit", createdSeconds, usageRule }),
      };
    }),
  transcriptions: (preparation) => heard("transcribe", preparation),
  translations: (preparation) => heard("translate", preparation),
  speech: (preparation) =>
    withBody(SpeechBody, preparation, (body) => ({
      answer: ({ usageRule }) => speechReply(body, usageRule),
    })),
};

const takesForm: ReadonlySet<Operation> = new Set<Operation>([
  "imageEdits",
  "transcriptions",
  "translations",
]);

function heard(task: "transcribe" | "translate", preparation: Preparation): Prepared {
  const isBilledByTime = preparation.deployment.model === "whisper";
  return withBody(TranscriptBody, preparation, (body) => {
    const { bytes, seconds = Number.POSITIVE_INFINITY } = body.file;
    if (bytes > MAX_AUDIO_BYTES) return { refusal: audioTooLarge(bytes) };
    if (seconds < MIN_AUDIO_SECONDS) return { refusal: audioTooShort };
    return { answer: ({ usageRule }) => transcriptReply({ body, task, isBilledByTime, usageRule }) };
  });
}

function generated(ask: Parameters<typeof generate>[0], preparation: Preparation, adjustments: Adjustments) {
  const { deployment, createdSeconds } = preparation;
  return { ask, deployment, createdSeconds, generation: generate(ask, deployment, adjustments) };
}

function withBody<Schema extends z.ZodType>(
  schema: Schema,
  { body }: Pick<Preparation, "body">,
  then: (body: z.output<Schema>) => Prepared,
): Prepared {
  const parsed = schema.safeParse(body);
  if (parsed.success) return then(parsed.data);
  const issue = parsed.error.issues[0];
  const param = issue?.path.join(".") ?? "";
  const isMissing = issue?.path.length === 1 && !Object.hasOwn(Object(body), param);
  return {
    refusal: isMissing
      ? modelError(`Missing required parameter: '${param}'.`, param, "missing_required_parameter")
      : modelError(`Invalid value for '${param}': ${issue?.message}.`, param, "invalid_value"),
  };
}

const maxEmbeddingInputs = 2048;
const tooManyInputs = modelError("'$.input' is too long: at most 2048 inputs are allowed.", "input", null);
const unparsableBody = modelError("We could not parse the JSON body of your request.", null, null);

/** Both sentences are assumed; that these requests fail is what a gateway must be shown. */
function streamOptionsRefusal(
  body: Record<string, unknown>,
  apiVersion: string | undefined,
  context: SimulatorContext,
): Reply | undefined {
  if (body.stream_options == null) return undefined;
  if (apiVersion !== undefined && context.versionsWithoutStreamOptions.has(apiVersion)) {
    return modelError("Unrecognized request argument supplied: stream_options", null, null);
  }
  if (body.stream === true) return undefined;
  return modelError(
    "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    "stream_options",
    null,
  );
}
