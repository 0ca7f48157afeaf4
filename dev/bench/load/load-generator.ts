/** The load generator, a process of its own: runs jobs one after the other, only ever against the loopback. */
import { Job } from "./job.ts";
import { runJob } from "./run-job.ts";

process.on("message", (message) => {
  runJob(Job.parse(message)).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.once("disconnect", () => process.exit(0));
process.send?.({ ready: true });
