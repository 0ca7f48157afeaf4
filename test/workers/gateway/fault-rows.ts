// The fault matrix: what a caller gets, what is charged and what is recorded when a part is ill. docs/faults.md shows it.

export type Part =
  | "D1"
  | "D1, API key of /v1/enforce"
  | "D1, API key of the control plane"
  | "KV"
  | "ledger, before Azure"
  | "ledger, renewing"
  | "ledger, settling"
  | "queue"
  | "queue and ledger"
  | "Azure"
  | "Azure, streaming"
  | "Azure, first of two"
  | "Azure, first of two, streaming"
  | "Azure, both";

export interface FaultRow {
  readonly part: Part;
  readonly fault: string;
  readonly status: number;
  /** Of the answer, or of the error event that ends a stream. */
  readonly code: string;
  readonly retry: string;
  readonly charged: string;
  readonly recorded: string;
}

const row = (
  part: Part,
  fault: string,
  status: number,
  code: string,
  retry: string,
  charged: string,
  recorded: string,
): FaultRow => ({ part, fault, status, code, retry, charged, recorded });

const rows = (
  part: Part,
  faults: readonly string[],
  ...rest: [status: number, code: string, retry: string, charged: string, recorded: string]
): FaultRow[] => faults.map((fault) => row(part, fault, ...rest));

const OK = "–";
const AGAIN = "after 1 s";
const USED = "as used";
const RESERVED = "as reserved";
const HELD = "held, by the alarm in full";
const WHOLE = "allowed, complete";
const BOTH = "as reserved, then as used";
const twice = (first: string, second: string) => `allowed, ${first}, allowed, ${second}`;
const four = ["unreachable", "error", "slow", "garbage"];

export const faultRows: readonly FaultRow[] = [
  ...rows("D1", four, 503, "snapshot_unavailable", AGAIN, "nothing", "denied (W)"),
  ...rows("D1, API key of /v1/enforce", four, 503, "store_unavailable", AGAIN, "nothing", "nothing"),
  ...rows("D1, API key of the control plane", four, 503, "store_unavailable", AGAIN, "nothing", "nothing"),
  ...rows("KV", four, 200, OK, OK, USED, WHOLE),
  ...rows("ledger, before Azure", four, 503, "ledger_unavailable", AGAIN, "nothing", "denied (W)"),
  row("ledger, before Azure", "overloaded", 503, "ledger_overloaded", AGAIN, "nothing", "denied (W)"),
  row("ledger, before Azure", "answer lost", 503, "ledger_unavailable", AGAIN, HELD, "denied (W)"),
  ...rows("ledger, renewing", four, 504, "relay_deadline", "no", RESERVED, "allowed, relay_deadline"),
  ...rows("ledger, settling", four, 200, OK, OK, HELD, "allowed, complete (W)"),
  row("ledger, settling", "answer lost", 200, OK, OK, USED, "allowed, complete (W)"),
  ...rows("queue", ["unreachable", "error", "slow"], 200, OK, OK, USED, `kept: ${WHOLE}`),
  row("queue", "garbage", 200, OK, OK, USED, WHOLE),
  ...rows("queue and ledger", ["unreachable"], 503, "answer_unrecorded", "no", RESERVED, "nothing"),
  row("Azure", "unreachable", 502, "upstream_unreachable", "no", RESERVED, "allowed, upstream_unreachable"),
  row("Azure", "error", 500, "server_error", OK, "nothing", "allowed, upstream_error"),
  row("Azure", "rate limit", 429, "RateLimitReached", "after 7 s", "nothing", "allowed, upstream_error"),
  row("Azure", "refused credential", 503, "backend_unavailable", AGAIN, "nothing", "allowed, upstream_error"),
  row("Azure", "slow", 504, "upstream_timeout", "no", RESERVED, "allowed, upstream_timeout"),
  row("Azure", "cut body", 502, "upstream_broken", "no", RESERVED, "allowed, upstream_broken"),
  row("Azure", "slow body", 504, "upstream_timeout", "no", RESERVED, "allowed, upstream_timeout"),
  row("Azure", "garbage", 502, "upstream_broken", "no", RESERVED, "allowed, upstream_broken"),
  row("Azure", "no usage", 200, OK, OK, RESERVED, WHOLE),
  row("Azure, streaming", "refusing", 503, "server_error", OK, "nothing", "allowed, upstream_error"),
  row("Azure, streaming", "slow", 504, "upstream_timeout", "no", RESERVED, "allowed, upstream_timeout"),
  row(
    "Azure, streaming",
    "garbage, no stream",
    502,
    "upstream_broken",
    "no",
    RESERVED,
    "allowed, upstream_broken",
  ),
  row(
    "Azure, streaming",
    "silent in between",
    200,
    "upstream_timeout",
    OK,
    RESERVED,
    "allowed, upstream_timeout",
  ),
  row(
    "Azure, streaming",
    "silent after usage",
    200,
    "upstream_timeout",
    OK,
    USED,
    "allowed, upstream_timeout",
  ),
  row("Azure, streaming", "cut", 200, "upstream_broken", OK, RESERVED, "allowed, upstream_broken"),
  row("Azure, streaming", "ended early", 200, "upstream_broken", OK, RESERVED, "allowed, upstream_broken"),
  row("Azure, streaming", "garbage", 200, "upstream_broken", OK, RESERVED, "allowed, upstream_broken"),
  row("Azure, streaming", "one bad event", 200, OK, OK, USED, WHOLE),
  row("Azure, first of two", "unreachable", 200, OK, OK, BOTH, twice("upstream_unreachable", "complete")),
  ...rows("Azure, first of two", ["error", "rate limit", "refused credential"], 200, OK, OK, USED, WHOLE),
  row("Azure, first of two", "slow", 504, "upstream_timeout", "no", RESERVED, "allowed, upstream_timeout"),
  row("Azure, first of two", "cut body", 502, "upstream_broken", "no", RESERVED, "allowed, upstream_broken"),
  row("Azure, first of two, streaming", "refusing", 200, OK, OK, USED, WHOLE),
  row("Azure, first of two, streaming", "slow", 200, OK, OK, BOTH, twice("upstream_timeout", "complete")),
  row(
    "Azure, first of two, streaming",
    "cut",
    200,
    "upstream_broken",
    OK,
    RESERVED,
    "allowed, upstream_broken",
  ),
  row(
    "Azure, both",
    "unreachable",
    502,
    "upstream_unreachable",
    "no",
    "twice as reserved",
    twice("upstream_unreachable", "upstream_unreachable"),
  ),
  row("Azure, both", "error", 500, "server_error", OK, "nothing", "allowed, upstream_error"),
  row(
    "Azure, both",
    "rate limit",
    429,
    "RateLimitReached",
    "after 7 s",
    "nothing",
    "allowed, upstream_error",
  ),
  row(
    "Azure, both",
    "refused credential",
    503,
    "backend_unavailable",
    AGAIN,
    "nothing",
    "allowed, upstream_error",
  ),
];

const cell = (text: string): string =>
  /^[a-z]+(?:_[a-z]+)+$|^RateLimitReached$/.test(text) ? `\`${text}\`` : text;

export const lineOf = ({ part, fault, status, code, retry, charged, recorded }: FaultRow): string =>
  `| ${[part, fault, String(status), cell(code), retry, charged, recorded].join(" | ")} |`;
