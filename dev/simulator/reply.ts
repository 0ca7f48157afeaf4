/**
 * An answer before it is sent: status, which set of Azure's headers goes with it, and the body as parts.
 * Nothing here touches a socket, so every answer can be built and altered as a value.
 */
import { alphabeticalJson } from "./alphabetical-json.ts";

/** `bare`: Azure's front door; `refusal`: its gateway layer; `model`: the model has been reached. */
export type HeaderSet = "bare" | "refusal" | "model";

export interface Reply {
  readonly status: number;
  readonly statusText?: string;
  readonly headerSet: HeaderSet;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  /** A stream has one part for each SSE event or piece of sound; anything else has one part. */
  readonly parts: readonly (string | Uint8Array)[];
  readonly isStream: boolean;
}

export function textReply(
  status: number,
  text: string,
  headerSet: HeaderSet,
  headers: Record<string, string> = {},
): Reply {
  return {
    status,
    headerSet,
    headers,
    contentType: "application/json",
    parts: [text],
    isStream: false,
  };
}

export function jsonReply(
  status: number,
  body: unknown,
  headerSet: HeaderSet,
  headers: Record<string, string> = {},
): Reply {
  return textReply(status, JSON.stringify(body), headerSet, headers);
}

export function streamReply(events: readonly string[]): Reply {
  return {
    status: 200,
    headerSet: "model",
    headers: {},
    contentType: "text/event-stream",
    parts: events,
    isStream: true,
  };
}

export const doneEvent = "data: [DONE]\n\n";

export function dataEvent(data: unknown): string {
  return `data: ${alphabeticalJson(data)}\n\n`;
}

/** Pictures and sound name their events, as OpenAI does. */
export function namedEvent(type: string, fields: object): string {
  return `event: ${type}\n${dataEvent({ type, ...fields })}`;
}

export const soundReply = (pieces: readonly Uint8Array[], contentType: string): Reply => ({
  ...streamReply([]),
  contentType,
  parts: pieces,
});
