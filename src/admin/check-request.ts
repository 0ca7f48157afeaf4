/** Each operation's smallest call: a word, a quarter of a second of silence, the cheapest picture. Nothing in it is anybody's. */
import type { AzureRequest } from "../azure/azure-calls.ts";
import type { Backend } from "../azure/backend.ts";
import type { Deployment } from "../azure/deployment.ts";
import { upstreamHeaders } from "../azure/headers.ts";
import { type OperationName, operations } from "../azure/operation.ts";
import type { UpstreamCredential } from "../azure/upstream-credentials.ts";
import { upstreamOf } from "../azure/upstream-url.ts";
import { multipartPieces } from "../kernel/multipart.ts";
import type { CheckedOperation } from "./check-plan.ts";
import { silentWav } from "./silent-wav.ts";

interface Target {
  readonly deployment: Pick<Deployment, "model" | "outputParameter">;
  readonly backend: Backend;
}

interface Content {
  readonly contentType: string;
  readonly body: NonNullable<AzureRequest["body"]>;
}

const WORD = "ping";
/** Reasoning models refuse fewer. */
const FEW_TOKENS = 16;
/** Less than a tenth of a second is refused. */
const SILENCE_SECONDS = 0.25;
const BOUNDARY = "portcullis-check";

/** The last dated version that is generally available: completions have no place on the v1 surface. */
const DATED_VERSION = "2024-10-21";

export function checkRequestOf(
  target: Target,
  name: CheckedOperation,
  { header, endpoint }: Pick<UpstreamCredential, "header" | "endpoint">,
): Omit<AzureRequest, "signal"> {
  const { contentType, body } = contents[name](target);
  const headers = upstreamHeaders(new Headers(), header);
  headers.set("content-type", contentType);
  return { url: urlOf({ ...target.backend, endpoint }, name), headers, body };
}

function urlOf(backend: Backend, name: OperationName): string {
  const operation = operations[name];
  const isDated = /^\d/.test(backend.apiVersion);
  return upstreamOf(backend, operation, operation.v1 || isDated ? null : DATED_VERSION).url;
}

const json =
  (members: (deployment: Target["deployment"]) => object) =>
  ({ deployment, backend }: Target): Content => ({
    contentType: "application/json",
    body: JSON.stringify({ model: backend.azureDeployment, ...members(deployment) }),
  });

const silence = ({ backend }: Target): Content => ({
  contentType: `multipart/form-data; boundary=${BOUNDARY}`,
  body: multipartPieces(
    [
      { name: "model", value: backend.azureDeployment },
      {
        name: "file",
        value: {
          naming: 'filename="silence.wav"',
          contentType: "audio/wav",
          bytes: silentWav(SILENCE_SECONDS),
        },
      },
    ],
    BOUNDARY,
  ),
});

const contents: Readonly<Record<CheckedOperation, (target: Target) => Content>> = {
  "chat/completions": json(({ outputParameter }) => ({
    messages: [{ role: "user", content: WORD }],
    [outputParameter]: outputParameter === "max_tokens" ? 1 : FEW_TOKENS,
  })),
  completions: json(() => ({ prompt: WORD, max_tokens: 1 })),
  // Azure keeps answers of Responses unless told not to.
  responses: json(() => ({ input: WORD, max_output_tokens: FEW_TOKENS, store: false })),
  embeddings: json(() => ({ input: WORD })),
  "images/generations": json(({ model }) => ({ prompt: "a dot", n: 1, ...cheapest(model) })),
  "audio/speech": json(() => ({ input: WORD, voice: "alloy" })),
  "audio/transcriptions": silence,
  "audio/translations": silence,
};

/** Each family has words of its own, and refuses the others'. */
function cheapest(model: string): object {
  if (/dall-e-?2/i.test(model)) return { size: "256x256" };
  return { size: "1024x1024", quality: /dall-e/i.test(model) ? "standard" : "low" };
}
