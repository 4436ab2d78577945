// `npm run lab`: starts a cluster, injects faults one after another or mixed, prints a table, and exits 1 when anything that
// is promised was seen broken, or a fault was not felt. With `--prove` it breaks mechanisms of the product instead, and
// exits 1 unless each is found.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BREAKS } from "./breaks.ts";
import type { Fault } from "./fault.ts";
import { FAULTS } from "./faults/all-faults.ts";
import { drawMix } from "./mix.ts";
import { readOptions, usage, UsageError } from "./options.ts";
import type { LabOptions } from "./options.ts";
import { prove } from "./prove.ts";
import type { Proof } from "./prove.ts";
import { createRandom } from "./random.ts";
import { startRecord } from "./record.ts";
import type { RunRecord } from "./record.ts";
import { runFaults } from "./run.ts";
import { renderProofs, renderReasons, renderRows, renderTable } from "./table.ts";
import type { Outcome } from "./verdict.ts";
import { startWorld } from "./world.ts";
import type { World } from "./world.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const USAGE = 2;
const INTERRUPTED = 130;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function list(): void {
  const faults = FAULTS.map(({ name, attacks, topologies, does }) => [name, attacks, topologies.join(" "), does]);
  say(renderRows([["fault", "attacks", "on", "what it does"], ...faults]));
  const breaks = BREAKS.map(({ name, caughtBy, rules }) => [name, caughtBy, rules.join(", or ")]);
  say(`\n${renderRows([["break", "caught by", "as"], ...breaks])}`);
}

/** The cluster of the moment, which is begun anew after a run that was no good: nobody knows what is left of it. */
function createStage(options: LabOptions, folder: string, record: RunRecord) {
  let world: World | undefined;
  let worlds = 0;
  let plays = 0;
  const clear = async (): Promise<void> => {
    const old = world;
    world = undefined;
    await old?.stop();
  };
  return {
    clear,
    play: async (faults: readonly Fault[], name: string, minutes = 0): Promise<Outcome> => {
      worlds += world === undefined ? 1 : 0;
      const logs = join(folder, `logs-${worlds}`);
      world ??= await startWorld({ topology: options.redis, ack: options.ack, root: REPOSITORY, folder: logs });
      const seed = options.seed + plays;
      const random = createRandom(seed);
      plays += 1;
      const outcome = await runFaults({ world, faults, name, folder, random, minutes });
      await record.addPlay({ seed, faults: faults.map((fault) => fault.name), outcome });
      say(`${outcome.name}: ${outcome.verdict}`);
      if (outcome.verdict !== "held") {
        // At once: a long mix need not be waited for.
        say(renderReasons(outcome));
        await clear();
      }
      return outcome;
    },
  };
}

type Stage = ReturnType<typeof createStage>;

async function playEach(stage: Stage, { faults, minutes }: LabOptions): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const fault of faults) outcomes.push(await stage.play([fault], fault.name, minutes));
  return outcomes;
}

/** One mix after another, each judged by itself, so that no history grows without end. */
async function playMixed(stage: Stage, { faults, minutes = 0, seed }: LabOptions): Promise<Outcome[]> {
  const random = createRandom(seed);
  const untilMs = performance.now() + minutes * 60_000;
  const outcomes: Outcome[] = [];
  do outcomes.push(await stage.play(drawMix(faults, random), `mix-${outcomes.length + 1}`));
  while (performance.now() < untilMs);
  return outcomes;
}

async function run(options: LabOptions): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "rookery-lab-histories-"));
  say(`seed ${options.seed}, ${options.redis}, ${options.ack}, histories in ${folder}`);
  const record = await startRecord(folder, options);
  if (options.breaks.length > 0) return runProofs(options, folder, record);
  const stage = createStage(options, folder, record);
  const stopEarly = (): void => {
    const end = (): never => process.exit(INTERRUPTED);
    stage.clear().then(end, end);
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, stopEarly);
  const outcomes: Outcome[] = [];
  try {
    outcomes.push(...(await (options.isMixed ? playMixed : playEach)(stage, options)));
  } finally {
    await stage.clear();
  }
  say(`\n${renderTable(outcomes)}\n`);
  const bad = outcomes.filter(({ verdict }) => verdict !== "held");
  for (const outcome of bad) say(renderReasons(outcome));
  return bad.length > 0 ? 1 : 0;
}

async function runProofs({ breaks, seed }: LabOptions, folder: string, record: RunRecord): Promise<number> {
  const proofs: Proof[] = [];
  for (const broken of breaks) {
    const proof = await prove({ broken, faults: FAULTS, repository: REPOSITORY, folder, random: createRandom(seed) });
    await record.addProof(proof);
    say(`${broken.name}: ${proof.isCaught ? "caught" : "NOT CAUGHT"}`);
    proofs.push(proof);
  }
  say(`\n${renderProofs(proofs)}`);
  for (const { outcome, isCaught } of proofs) if (!isCaught) say(renderReasons(outcome));
  return proofs.every(({ isCaught }) => isCaught) ? 0 : 1;
}

try {
  const options = readOptions(process.argv.slice(2), { faults: FAULTS, breaks: BREAKS });
  if (options === "help") say(usage());
  else if (options === "list") list();
  else process.exitCode = await run(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}; --help tells what is understood\n`);
  process.exitCode = USAGE;
}
