/** Every bound of the gateway, with its unit and its reason; those of tokens, proofs and their keys are in token-limits.ts. */

/** Stored answers that an agent's ledger knows at once; a further one pushes out the oldest. */
export const MAX_STORED_OBJECTS = 20_000;

/** Azure keeps a response this long. */
export const RESPONSE_LIFE_MS = 30 * 86_400_000;

/** Azure names no end for a stored chat completion; an agent's ledger remembers it this long. */
export const COMPLETION_LIFE_MS = 365 * 86_400_000;

/** Of one query parameter: longer than any id or name that Azure takes there. */
export const MAX_QUERY_VALUE_CHARACTERS = 256;

/** Query parameters of one request: `include[]` may come several times. */
export const MAX_QUERY_PARAMETERS = 20;

/** A path that a record tells, in segments: deeper than any that Azure has. */
export const MAX_TOLD_SEGMENTS = 8;

/** Large enough for prompts with inline images, small beside the 128 MB that an isolate has for all its requests. */
export const MAX_BODY_BYTES = 8 * 1024 * 1024;

/**
 * A form with its files: Azure takes sound of 25 MiB, and the form's own lines come on top. An isolate holds it twice while
 * it is read, and once until it has been answered.
 */
export const MAX_FORM_BYTES = 26 * 1024 * 1024;

/** Images have up to 16 files, and everything else is a few fields. */
export const MAX_FORM_PARTS = 100;

/** Control-plane bodies are small documents. */
export const MAX_ADMIN_BODY_BYTES = 256 * 1024;

/** Objects, arrays and members of one body: tiny values cost many times their bytes once parsed. */
export const MAX_JSON_VALUES = 400_000;

/** Strings of answers that are longer than this are not read for usage: pictures come as base64, megabytes of it. */
export const MAX_METERED_STRING_BYTES = 64 * 1024;

/** Deeper JSON than any API of Azure uses; bounds recursion in everything that walks a body. */
export const MAX_JSON_DEPTH = 64;

/** Five years with two leap days in them. An API key that is to last longer is one without an end, and says so. */
export const API_KEY_MAX_DAYS = 1_827;

/** Life of a client assertion: Entra advises 5 to 10 minutes, and each is used at once. */
export const ASSERTION_SECONDS = 600;

/** A token of Entra, and a secret of Key Vault together with the token it takes, is obtained within this time or not at all. */
export const EXCHANGE_MAX_MS = 5_000;
export const VAULT_MAX_MS = 10_000;

/** Timers fire late: a claim on obtaining something ends this long after the attempt must have. */
export const CREDENTIAL_CLAIM_MARGIN_MS = 1_000;

/** How often a call that waits for what another one obtains looks whether it is there. */
export const CREDENTIAL_POLL_MS = 25;

/** A check of a backend is a call with one word. */
export const BACKEND_CHECK_MAX_MS = 20_000;
/** A picture takes longer; with its credential to be had first, still less than the command line waits. */
export const PICTURE_CHECK_MAX_MS = 45_000;
/** Of a checked answer so much is kept and looked at; the longest embedding takes a third of it. */
export const MAX_CHECKED_ANSWER_BYTES = 256 * 1024;

/** After a failure nobody tries again for this long: a broken credential must not hammer Entra with every call. */
export const CREDENTIAL_AGAIN_MS = 5_000;

/**
 * After this long a call whose backends' credentials cannot be had asks for no further one: nobody renews its reservation
 * meanwhile.
 */
export const CREDENTIAL_SEARCH_MAX_MS = 30_000;

/** Azure refused what was obtained longer ago than this: it is dropped. What is younger was not refused for its age. */
export const CREDENTIAL_DROP_AGE_MS = 60_000;

/** A token is renewed after this part of its life, and not used in its last moments: the call it opens takes a while. */
export const TOKEN_RENEW_PART = 0.8;
export const TOKEN_MARGIN_MS = 60_000;

/** A secret of Key Vault is read again after the first, and used until the second where it cannot be read. */
export const VAULT_RENEW_MS = 300_000;
export const VAULT_KEPT_MS = 600_000;

/** Backends name few identities and secrets; beyond this the oldest is forgotten. */
export const MAX_HELD_CREDENTIALS = 500;

/** A token of Entra has 2 to 4 KB; answers beyond this are not read. */
export const MAX_CREDENTIAL_ANSWER_BYTES = 65_536;

/** The relay's hard limit for one call: the official SDKs give up after 600 s as well. */
export const RELAY_MAX_MS = 600_000;

/** A relay's reservation lasts this long unless it is renewed: what an orphan of a dead Worker holds is free again then. */
export const RELAY_RESERVATION_MS = 90_000;

/** A relay that goes on renews its reservation this often, and again this soon where the ledger could not be reached. */
export const RENEW_EVERY_MS = 30_000;
export const RENEW_AGAIN_MS = 5_000;

/** A relay ends at least this long before its reservation does: time for the last bytes, a drain, and the settlement. */
export const RESERVATION_GRACE_MS = 30_000;

/** A reservation of `/v1/enforce` whose usage nobody reports settles in full after this time (DESIGN section 7). */
export const ENFORCE_RESERVATION_MS = 600_000;

/** How long a settled or expired reservation is kept, so that a late or repeated settlement finds it. */
export const RESERVATION_MEMORY_MS = 3_600_000;

/** What `/v1/enforce` reserves when neither the ask nor the grant bounds its tokens. */
export const ENFORCE_DEFAULT_TOKENS = 4_096;

/** After a client disconnect the upstream is drained this long to learn the usage; waitUntil dies at 30 s. */
export const DRAIN_MAX_MS = 25_000;

/** How long a record may take into the queue before the ledger's outbox takes it; `queue.send` was seen to hang for a minute. */
export const QUEUE_SEND_MAX_MS = 2_000;

/** Azure answers headers within this time or the attempt is given up. */
export const UPSTREAM_HEADERS_MAX_MS = 120_000;

/**
 * The same for a stream, while another backend is left: Azure sends a stream's headers before the model has thought.
 * Not longer than a renewal, whose timer tells of it.
 */
export const UPSTREAM_STREAM_HEADERS_MAX_MS = 30_000;

/** Calls to Azure for one call of an agent. */
export const MAX_ATTEMPTS = 3;

/** Failures in a row after which a backend is left alone: by chance, no healthy one has that many between its answers. */
export const ILL_AFTER_FAILURES = 5;

/** How long it is left alone: twice as long after each probe that fails, up to the longest. */
export const ILL_FIRST_MS = 1_000;
export const ILL_LONGEST_MS = 60_000;

/** How long a backend that is at its limit is left alone where it does not say. */
export const BUSY_DEFAULT_MS = 1_000;

/** An isolate knows this many backends as ill or busy; it forgets the one it has known for longest. */
export const MAX_TROUBLED_BACKENDS = 1_000;

/**
 * The retry budget of an isolate: one failover for every ten calls, and ten at hand after quiet times. So when everything
 * fails, Azure sees a tenth more calls than there are, and at most a fifth more of any hundred.
 */
export const CALLS_PER_FAILOVER = 10;
export const MAX_FAILOVERS_AT_HAND = 10;

/**
 * An event is held until it is whole. The largest carry images: 8 MiB as base64 for the largest that `gpt-image-1` makes
 * (1536 × 1024, were it not compressed at all), one in an event of `images/…`, and several in a response's last one. A stream with a larger one is broken off: it would not fit into an isolate beside others.
 */
export const MAX_STREAMED_EVENT_BYTES = 16 * 1024 * 1024;

/** Silence between two chunks of a stream: Azure sends something at least every few seconds while a model works. */
export const UPSTREAM_IDLE_MAX_MS = 60_000;

/** A cache slower than the database behind it is of no use: D1 answers instead. */
export const KV_MAX_MS = 1_000;

/** A cold D1 was seen to take a second or two; beyond this a caller does better to try again. */
export const D1_READ_MAX_MS = 5_000;

/** Beyond a read's limit, since giving up a write settles nothing; below PREPARE_MAX_MS, so that its writer resolves it. */
export const D1_WRITE_MAX_MS = 10_000;

/** Grantors add this to a lease's life, holders nothing: it covers the reply's way and rounding (DESIGN section 7). */
export const LEASE_GRANTOR_MARGIN_MS = 500;

/** A prepared write that nobody finished is resolved by the ledger's alarm after this time. */
export const PREPARE_MAX_MS = 30_000;

/** Alternatives offered to the ledger for one ask: every grant times every detail of the token, duplicates dropped. */
export const MAX_CANDIDATES = 512;

/** How long a request waits for approval; a denial lasts for the rest of it. */
export const APPROVAL_PENDING_MS = 86_400_000;

/** How long an approved request may come, unless whoever approves says otherwise. */
export const APPROVED_DEFAULT_SECONDS = 3_600;
export const APPROVED_MIN_SECONDS = 60;
export const APPROVED_MAX_SECONDS = 86_400;

/** A ledger keeps a lapsed approval this long: the clock of whoever decides may be behind its own. */
export const APPROVAL_GRACE_MS = 60_000;

/** Requests of one agent that wait at once: more than people decide on, and a bound of what one agent can store. */
export const MAX_PENDING_APPROVALS = 100;

/** API keys that are noted as having asked for one approval. */
export const MAX_APPROVAL_ASKERS = 20;

/** How long decided and lapsed approvals can be looked up; their records stay in the audit log. */
export const APPROVAL_KEPT_MS = 90 * 86_400_000;

/** A webhook answers within this time or the attempt has failed. */
export const WEBHOOK_MAX_MS = 10_000;

/** Attempts to tell a webhook of one approval: the last comes 17 hours after the first. */
export const WEBHOOK_MAX_ATTEMPTS = 12;

/** A record fits into a queue's message (128 kB) with room to spare; what is longer is cut and says so. */
export const MAX_TRACE_LINES = 50;
export const MAX_EVIDENCE_ITEMS = 10;
export const MAX_EVIDENCE_CHARACTERS = 120;

/** Of all lines of a trace together: escaped, a character takes up to six bytes. */
export const MAX_TRACE_CHARACTERS = 5_000;

/** Of a list that a record keeps whole or not at all: roles, tools, a token's own authorization details. */
export const MAX_INPUT_CHARACTERS = 2_000;

/** Denied texts found in one prompt of which a record keeps a digest. */
export const MAX_FOUND_TEXTS = 20;

/** A decision reloads its snapshot at most this often before it answers 503. */
export const MAX_RELOADS = 2;

/** A snapshot in KV outlives any cold start it can help, and no longer. */
export const SNAPSHOT_KV_SECONDS = 86_400;

/** SDKs sleep for whatever they are told; beyond this a caller should decide for itself. */
export const MAX_RETRY_AFTER_SECONDS = 60;

/** What a client is told to wait after too many bad credentials: the period of the `BAD_CREDENTIALS` rate limit. */
export const BAD_CREDENTIALS_RETRY_SECONDS = 60;

/** How long an isolate knows an address to be over that limit without asking again: good keys behind it wait this long at most. */
export const FLOOD_MEMORY_MS = 10_000;
export const MAX_KNOWN_FLOODS = 1_000;

/** Counts of unauthenticated requests that wait for the queue: an hour of them. */
export const MAX_UNSENT_COUNT_RECORDS = 60;

/** A store that takes longer to answer a probe is ill; the results are kept for longer than the probes may take. */
export const PROBE_MAX_MS = 2_000;
export const READINESS_KEPT_MS = 5_000;

export const LIST_DEFAULT_LIMIT = 50;
export const LIST_MAX_LIMIT = 200;

/** The doctor reads this many pages of tenants and of deployments, and says so where there are more. */
export const DOCTOR_MAX_PAGES = 25;

/** Findings of one check, and names in one sentence: a report is read by people. The rest is counted. */
export const DOCTOR_MAX_FINDINGS = 50;
export const DOCTOR_MAX_EXAMPLES = 5;

/** Cases of tests that one request of the control plane may run. */
export const MAX_TEST_CASES = 5_000;

/** The same as cases times policies, each of which takes some microseconds: nothing else runs in the isolate meanwhile. */
export const MAX_TEST_STEPS = 250_000;

/** Steps of lint and diff that one request may take, a second or two of them; what is beyond is told, not guessed. */
export const MAX_DIFF_STEPS = 2_000_000;
