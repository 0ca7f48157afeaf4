// Two signing keys that are nobody's: the first signs until another is promoted, the second once the first is killed.
export const testSigningKeys = JSON.stringify({
  keys: [
    {
      kty: "OKP",
      crv: "Ed25519",
      x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
      d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    },
    {
      kty: "OKP",
      crv: "Ed25519",
      x: "EZkX2wCC5WYcnHa0-8upeJ55_E4-yNxO7BmTmwEQwzE",
      d: "_3MF05nzj50XxWCRzLoBOrmTeBsnjUYplQMsYwzHo1E",
    },
  ],
});
