// A service of no product for the lifecycle's tests, which start the compiled file as a process. It runs the real
// `runProcess` with a table of its own and does what `FIXTURE_*` variables ask: throw, overrun, leave a mark in a file when its steps run.
import { appendFileSync } from "node:fs";
import { BAKERY_TABLE } from "./bakery.fixture.ts";
import { startInternalServer } from "./internal-server.ts";
import { runProcess } from "./lifecycle.ts";

const marks = process.env["FIXTURE_MARKS"];
const mark = (text: string): void => {
  if (marks !== undefined) appendFileSync(marks, `${text}\n`);
};

await runProcess(BAKERY_TABLE, "bakery", async (context) => {
  const { settings, log, metrics, onStop, stop, fail, refuse, announceReady } = context;
  const fault = process.env["FIXTURE_FAULT"];
  if (fault === "start") throw new Error("no server there");
  const drain = (): void => stop("drain");
  const { internalHost: host, internalPort } = settings;
  const internal = await startInternalServer({ host, port: internalPort, checks: [], metrics, log, drain });
  onStop("internal server", async () => {
    await internal.close();
    mark("internal server");
  });
  onStop("second", () => mark("second"));
  if (fault === "stuck") onStop("stuck", () => new Promise(() => undefined), 30_000);
  if (fault === "overrun") onStop("overrun", () => new Promise(() => undefined), 50);
  if (fault === "reject") onStop("reject", () => Promise.reject(new Error("would not close")));
  onStop("third", () => mark("third"));
  if (fault === "unfit") {
    fail("unfit");
    return;
  }
  if (fault === "foreign") {
    refuse("this Redis belongs to another cluster");
    refuse("and so does this Postgres");
    return;
  }
  announceReady({ internalPort: internal.port });
  if (fault === "rejection") void Promise.reject(new Error("nobody looked"));
});
