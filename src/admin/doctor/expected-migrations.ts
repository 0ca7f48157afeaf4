/**
 * The migrations this Worker was built with, by the kind of database, as `d1_migrations` names them once they are applied.
 * A Worker cannot read the folders when it runs; a test holds this list against them.
 */
export const expectedMigrations = {
  platform: [
    "0001_create_platform_state.sql",
    "0002_keep_policy_history.sql",
    "0004_expire_api_keys.sql",
    "0005_keep_key_states.sql",
  ],
  home: [
    "0001_create_home_state.sql",
    "0002_count_usage.sql",
    "0003_fewer_audit_indexes.sql",
    "0004_keep_policy_history.sql",
    "0005_count_shadow_flips.sql",
    "0007_keep_approvals.sql",
    "0008_revoke_tokens.sql",
    "0010_keep_delegations.sql",
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type DatabaseKind = keyof typeof expectedMigrations;
