// Where test files share their workers: what the one before has stored is deleted, and its modules are forgotten.
import { reset } from "cloudflare:test";
import { vi } from "vitest";

vi.resetModules();
await reset();
