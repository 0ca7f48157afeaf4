/**
 * Unexpected failures as one JSON line each, in one form for the whole Worker. Messages and stacks stay out: they can
 * quote a token, a key or a prompt (guarantee G8). The request id joins the line with what the caller was answered.
 */

export type FailureEvent = "request_failed" | "background_failed";

/** A reason is of the gateway's own words and others' error numbers. */
const ownWords = /^[A-Za-z0-9_ ]{1,100}$/;

/** An identity's ids and scope, or a secret's identifier, all of which a deployment shows. */
const subjectForm = /^[A-Za-z0-9_.:/ -]{1,600}$/;

export interface Failure {
  readonly event: FailureEvent;
  /** Whatever was thrown. */
  readonly error: unknown;
  readonly requestId?: string | undefined;
}

/** Names are chosen by whoever throws, so only what looks like the name of a class passes. */
const className = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;

function nameOf(error: unknown): string {
  const name: unknown = error instanceof Error ? error.name : undefined;
  return typeof name === "string" && className.test(name) ? name : "unknown";
}

/** Configuration errors name variables, carry no values, and cannot be repaired without being read. */
function messageOf(error: unknown): { readonly message?: string } {
  const told = error instanceof Error && error.message.startsWith("Misconfigured Worker: ");
  return told ? { message: error.message } : {};
}

export const failureLine = ({ event, error, requestId }: Failure): string =>
  JSON.stringify({
    level: "error",
    event,
    ...(requestId === undefined ? {} : { requestId }),
    error: nameOf(error),
    ...messageOf(error),
  });

/** A token or a secret of Azure's that could not be obtained. */
export const credentialFailureLine = (subject: string, reason: string): string =>
  JSON.stringify({
    level: "error",
    event: "credential_failed",
    subject: subjectForm.test(subject) ? subject : "unknown",
    reason: ownWords.test(reason) ? reason : "unknown",
  });

export const logCredentialFailure = (subject: string, reason: string): void =>
  console.error(credentialFailureLine(subject, reason));

export const logFailure = (failure: Failure): void => console.error(failureLine(failure));
