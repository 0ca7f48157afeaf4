// A stand-in for the wrangler command: records what it is asked, keeps an account in memory, and answers in the forms of
// wrangler 4.155. Databases are real SQLite, so the SQL meets the real migrations.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { readConfig } from "../../../dev/deploy/read-config.ts";
import type { RunWrangler, WranglerAnswer } from "../../../dev/deploy/wrangler.ts";

const projectRoot = resolve(import.meta.dirname, "../../..");

interface FakeStore {
  readonly id: string;
  readonly jurisdiction: string | undefined;
}

export interface Call {
  readonly args: readonly string[];
  readonly stdin: string | undefined;
}

/** Thrown as if the process had been ended. */
export class Interrupted extends Error {}

/** At the nth command that changes something: before it reached Cloudflare, or after it did and before we heard. */
export interface Interruption {
  readonly at: number;
  readonly when: "before" | "after";
}

const ok = (stdout = ""): WranglerAnswer => ({ code: 0, stdout, stderr: "" });
const failed = (stderr: string): WranglerAnswer => ({ code: 1, stdout: "", stderr });
const isChange = (args: readonly string[]): boolean =>
  /^(d1 create|kv namespace create|queues create|r2 bucket create|secret put|d1 migrations|deploy)/.test(
    args.join(" "),
  ) || args.some((arg) => arg.startsWith("--command=INSERT"));

export class FakeWrangler {
  readonly calls: Call[] = [];
  readonly databases = new Map<string, FakeStore>();
  readonly namespaces = new Map<string, FakeStore>();
  readonly queues = new Map<string, FakeStore>();
  readonly buckets = new Map<string, FakeStore>();
  /** By Worker, with the values. */
  readonly secrets = new Map<string, Map<string, string>>();
  readonly puts: string[] = [];
  readonly deployed = new Set<string>();
  readonly tables = new Map<string, DatabaseSync>();
  isLoggedIn = true;
  tellsJurisdictions = true;
  /** A failure that a test wants: the answer to every command that starts with this. */
  failing: { readonly start: string; readonly answer: WranglerAnswer } | undefined;
  interruption: Interruption | undefined;
  #changes = 0;
  readonly #configPath: string;

  constructor(configPath: string) {
    this.#configPath = configPath;
  }

  get changes(): number {
    return this.#changes;
  }

  forgetCalls(): void {
    this.calls.length = 0;
    this.#changes = 0;
  }

  readonly run: RunWrangler = async (args, stdin) => {
    this.calls.push({ args, stdin });
    const words = args.join(" ");
    if (this.failing && words.startsWith(this.failing.start)) return this.failing.answer;
    if (!isChange(args)) return this.#answer(args, stdin);
    const isLast = this.#changes++ === this.interruption?.at;
    if (isLast && this.interruption?.when === "before") throw new Interrupted();
    const answer = this.#answer(args, stdin);
    if (isLast) throw new Interrupted();
    return answer;
  };

  #answer(args: readonly string[], stdin: string | undefined): WranglerAnswer {
    const words = args.filter((arg) => !arg.startsWith("--")).join(" ");
    if (words === "whoami") {
      return this.isLoggedIn
        ? ok('\n{ "loggedIn": true, "accounts": [{ "id": "1", "name": "one" }] }')
        : { code: 1, stdout: '\n{"loggedIn":false}', stderr: "" };
    }
    const flags = new Map(
      args.flatMap((arg, at) =>
        arg.startsWith("--") ? [[arg.split("=")[0] ?? "", flagValue(arg, args[at + 1])] as const] : [],
      ),
    );
    const environment = flags.get("--env") || undefined;
    const jurisdiction = flags.get("--jurisdiction");
    const positional = args.filter(
      (arg, at) => !arg.startsWith("--") && !/^--(jurisdiction|page)$/.test(args[at - 1] ?? ""),
    );
    const name = positional.at(-1) ?? "";
    const told = (store: FakeStore) =>
      this.tellsJurisdictions ? { jurisdiction: store.jurisdiction ?? null } : {};
    switch (positional.slice(0, -1).join(" ")) {
      case "d1 create":
        return create(this.databases, name, { id: `d1-${name}`, jurisdiction });
      case "kv namespace create": {
        const title = environment === undefined ? name : `${environment}-${name}`;
        return create(this.namespaces, title, { id: `kv-${title}`, jurisdiction });
      }
      case "queues create":
        return create(this.queues, name, { id: `q-${name}`, jurisdiction });
      case "r2 bucket create":
        return create(this.buckets, `${name} ${jurisdiction}`, { id: name, jurisdiction });
      case "secret put":
        return this.#putSecret(this.#worker(environment), name, stdin);
      case "d1 migrations apply":
        return this.#migrate(environment, name);
      case "d1 execute":
        return this.#execute(environment, name, flags.get("--command") ?? "");
    }
    switch (positional.join(" ")) {
      case "d1 list":
        return ok(
          JSON.stringify(
            [...this.databases].map(([key, it]) => ({ name: key, uuid: it.id, ...told(it) })),
            null,
            2,
          ),
        );
      case "kv namespace list":
        return ok(
          JSON.stringify([...this.namespaces].map(([title, it]) => ({ title, id: it.id, ...told(it) }))),
        );
      case "queues list":
        return ok(queueTable(this.queues, Number(flags.get("--page")), this.tellsJurisdictions));
      case "r2 bucket list":
        return ok(
          [
            "Listing buckets...",
            ...[...this.buckets.values()].filter((it) => it.jurisdiction === jurisdiction),
          ]
            .map((it) =>
              typeof it === "string" ? it : `name:           ${it.id}\ncreation_date:  2026-11-22\n`,
            )
            .join("\n"),
        );
      case "secret list":
        return this.#listSecrets(this.#worker(environment));
      case "deploy":
        return this.#deploy(environment);
    }
    throw new Error(`wrangler is not known to have: ${args.join(" ")}`);
  }

  #worker(environment: string | undefined): string {
    return readConfig(this.#configPath, environment).name;
  }

  #putSecret(worker: string, name: string, stdin: string | undefined): WranglerAnswer {
    if (!stdin) return failed("no value");
    const secrets = this.secrets.get(worker) ?? new Map<string, string>();
    this.secrets.set(worker, secrets.set(name, stdin));
    this.puts.push(`${worker} ${name}`);
    return ok();
  }

  #listSecrets(worker: string): WranglerAnswer {
    const secrets = this.secrets.get(worker);
    if (secrets)
      return ok(JSON.stringify([...secrets.keys()].map((name) => ({ name, type: "secret_text" }))));
    return failed(
      `✘ [ERROR] Worker "${worker}" not found.\n\n  If this is a new Worker, run \`wrangler deploy\` first to create it.`,
    );
  }

  #database(environment: string | undefined, binding: string) {
    const bound = readConfig(this.#configPath, environment).d1_databases.find(
      (row) => row.binding === binding,
    );
    if (!bound) throw new Error(`no ${binding}`);
    const existing = this.databases.get(bound.database_name);
    if (!existing || (bound.database_id ?? existing.id) !== existing.id)
      throw new Error(`${binding} leads nowhere`);
    const database = this.tables.get(existing.id) ?? new DatabaseSync(":memory:");
    this.tables.set(existing.id, database);
    return { bound, database };
  }

  #migrate(environment: string | undefined, binding: string): WranglerAnswer {
    const { bound, database } = this.#database(environment, binding);
    if (bound.database_id === undefined) return failed(`${binding} has no database_id`);
    const folder = join(projectRoot, String(bound.migrations_dir).replace(/^.*migrations/, "migrations"));
    const applied = database.prepare("PRAGMA user_version").get()?.user_version;
    const files = readdirSync(folder).sort().slice(Number(applied));
    for (const file of files) database.exec(readFileSync(join(folder, file), "utf8"));
    database.exec(`PRAGMA user_version = ${Number(applied) + files.length}`);
    return ok();
  }

  #execute(environment: string | undefined, binding: string, sql: string): WranglerAnswer {
    const { database } = this.#database(environment, binding);
    try {
      return ok(JSON.stringify([{ results: database.prepare(sql).all(), success: true, meta: {} }]));
    } catch (error) {
      return { code: 1, stdout: JSON.stringify({ error: { text: String(error) } }), stderr: "" };
    }
  }

  #deploy(environment: string | undefined): WranglerAnswer {
    const config = readConfig(this.#configPath, environment);
    const ids = [
      ...config.d1_databases.map((row) => row.database_id),
      ...config.kv_namespaces.map(({ id }) => id),
    ];
    if (ids.some((id) => id === undefined)) return failed("a binding has no id");
    this.deployed.add(config.name);
    return ok(`Uploaded ${config.name}`);
  }
}

function flagValue(flag: string, next: string | undefined): string | undefined {
  const at = flag.indexOf("=");
  if (at >= 0) return flag.slice(at + 1);
  return /^--(jurisdiction|page)$/.test(flag) ? next : undefined;
}

function create(stores: Map<string, FakeStore>, key: string, store: FakeStore): WranglerAnswer {
  if (stores.has(key)) return failed(`${key} already exists`);
  stores.set(key, store);
  return ok();
}

const QUEUES_PER_PAGE = 3;

function queueTable(queues: ReadonlyMap<string, FakeStore>, page: number, tells: boolean): string {
  const rows = [...queues].slice((page - 1) * QUEUES_PER_PAGE, page * QUEUES_PER_PAGE);
  if (rows.length === 0) return "";
  const cells = rows.map(([name, it]) => [it.id, name, ...(tells ? [it.jurisdiction ?? ""] : []), "0", "0"]);
  const head = ["id", "name", ...(tells ? ["jurisdiction"] : []), "producers", "consumers"];
  const body = [head, ...cells].map((row) => `│ ${row.join(" │ ")} │`);
  return ["┌────┬────┐", ...body, "└────┴────┘"].join("\n");
}
