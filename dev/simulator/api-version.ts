/**
 * API versions (reference section 1.3). A dated route answers a missing or unknown version with the 404 of
 * an unknown path; v1 takes none, `v1` or `preview`. The list of old versions is not complete in the
 * reference, so any well-formed date up to the last release counts as known.
 */
const lastDatedVersion = "2025-04-01-preview";

export function isKnownDatedVersion(version: string | undefined): boolean {
  return (
    version !== undefined && /^20\d\d-\d\d-\d\d(-preview)?$/.test(version) && version <= lastDatedVersion
  );
}

export function isV1Version(version: string | undefined): boolean {
  return version === undefined || version === "v1" || version === "preview";
}

/** `stream_options` came with 2024-09-01-preview; whether GA 2024-10-21 takes it is an open question. */
export const versionsBeforeStreamOptions: readonly string[] = [
  "2023-05-15",
  "2024-02-01",
  "2024-02-15-preview",
  "2024-06-01",
  "2024-07-01-preview",
  "2024-08-01-preview",
];
