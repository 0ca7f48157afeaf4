/**
 * What this simulated resource keeps: responses (unless `store` is false) and chat completions (if `store` is true), by
 * their ids. Another resource has other answers, as at Azure, and whoever holds this one's key sees all of them. A
 * background response goes one step on each time it is read. Sentences are assumed; codes and shapes are OpenAI's.
 */
import { modelError } from "./azure-error.ts";
import { jsonReply, type Reply, streamReply } from "./reply.ts";
import { responseEvent } from "./response-event.ts";

type Json = Readonly<Record<string, unknown>>;

export interface StoredAnswer {
  readonly kind: "response" | "completion";
  /** As it is when it is finished. */
  readonly finished: Json;
  /** What it was made of, in order. */
  readonly items: readonly Json[];
  readonly background: boolean;
}

interface Kept extends StoredAnswer {
  status: "queued" | "in_progress" | "finished" | "cancelled";
}

export interface Reading {
  readonly id: string;
  readonly query: Readonly<Record<string, string>>;
}

export type StoredAnswers = ReturnType<typeof createStoredAnswers>;

export function createStoredAnswers() {
  const answers = new Map<string, Kept>();

  const withAnswer =
    (kind: StoredAnswer["kind"], reply: (answer: Kept, reading: Reading) => Reply) =>
    (reading: Reading): Reply => {
      const answer = answers.get(reading.id);
      return answer?.kind === kind ? reply(answer, reading) : notFound[kind](reading.id);
    };
  const removed =
    (object: string) =>
    (_: Kept, { id }: Reading): Reply => {
      answers.delete(id);
      return jsonReply(200, { id, object, deleted: true }, "model");
    };

  return {
    keep(answer: StoredAnswer): void {
      const { background, finished } = answer;
      answers.set(String(finished.id), { ...answer, status: background ? "queued" : "finished" });
    },
    /** How many tokens an earlier response adds to a prompt; undefined = it is not here. */
    tokensOf(id: string): number | undefined {
      const answer = answers.get(id);
      if (answer?.kind !== "response") return undefined;
      const { usage } = answer.finished;
      return typeof usage === "object" && usage !== null && "total_tokens" in usage
        ? Number(usage.total_tokens)
        : 0;
    },
    response: withAnswer("response", (answer, { query }) => {
      const shown = asNow(answer);
      answer.status = nextStatus[answer.status];
      return query.stream === "true"
        ? replay(answer, Number(query.starting_after ?? -1))
        : jsonReply(200, shown, "model");
    }),
    deleteResponse: withAnswer("response", removed("response")),
    cancel: withAnswer("response", (answer) => {
      if (!answer.background) return modelError("Cannot cancel a synchronous response.", null, null);
      if (answer.status !== "finished") answer.status = "cancelled";
      return jsonReply(200, asNow(answer), "model");
    }),
    inputItems: withAnswer("response", ({ items }, { query }) =>
      jsonReply(200, page(items, query, "desc"), "model"),
    ),
    completion: withAnswer("completion", ({ finished }) => jsonReply(200, finished, "model")),
    deleteCompletion: withAnswer("completion", removed("chat.completion.deleted")),
    messages: withAnswer("completion", ({ items }, { query }) =>
      jsonReply(200, page(items, query, "asc"), "model"),
    ),
  };
}

const nextStatus: Record<Kept["status"], Kept["status"]> = {
  queued: "in_progress",
  in_progress: "finished",
  finished: "finished",
  cancelled: "cancelled",
};

function asNow({ finished, status }: Kept): Json {
  return status === "finished" ? finished : { ...finished, status, output: [], usage: null };
}

/** Azure sends the events again; what a reader must cope with is that some are skipped. */
function replay({ finished }: Kept, after: number): Reply {
  const started = { ...finished, status: "in_progress", output: [], usage: null };
  const events: readonly (readonly [string, Json])[] = [
    ["response.created", { response: started }],
    ["response.in_progress", { response: started }],
    [`response.${String(finished.status)}`, { response: finished }],
  ];
  const lines = events.map(([type, fields], sequence) => responseEvent(type, sequence, fields, false));
  return streamReply(lines.slice(after + 1));
}

function page(items: readonly Json[], query: Reading["query"], usualOrder: "asc" | "desc"): Json {
  const ordered = (query.order ?? usualOrder) === "asc" ? items : items.toReversed();
  const from = query.after === undefined ? 0 : ordered.findIndex(({ id }) => id === query.after) + 1;
  const data = ordered.slice(from, from + Number(query.limit ?? 20));
  return {
    object: "list",
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: from + data.length < ordered.length,
  };
}

const notFoundError = (message: string, param: string): Reply =>
  jsonReply(404, { error: { message, type: "invalid_request_error", param, code: null } }, "model");

const notFound: Record<StoredAnswer["kind"], (id: string) => Reply> = {
  response: (id) => notFoundError(`Response with id '${id}' not found.`, "id"),
  completion: (id) => notFoundError(`Completion '${id}' not found.`, "completion_id"),
};

export const previousNotFound = (id: string): Reply =>
  modelError(
    `Previous response with id '${id}' not found.`,
    "previous_response_id",
    "previous_response_not_found",
  );

export const backgroundNeedsStore: Reply = modelError(
  "Background responses need 'store' to be true.",
  "background",
  null,
);
