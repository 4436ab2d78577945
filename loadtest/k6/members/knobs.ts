// Reads what whoever starts a script may turn, by `-e NAME=value` or the environment. Called once, while a script is loaded:
// a value that cannot be used ends the run before anything is sent. The table in each script's header names its knobs.

export function textKnob(name: string, otherwise = ""): string {
  const value = __ENV[name];
  return value === undefined || value === "" ? otherwise : value;
}

export function numberKnob(name: string, otherwise: number): number {
  const text = textKnob(name);
  if (text === "") return otherwise;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0) throw new Error(`${name} must be a number from 0, and is ${text}`);
  return value;
}

/** What every script has. */
export interface CommonKnobs {
  readonly edges: readonly string[];
  readonly api: string;
  readonly durationSec: number;
  readonly okP99Ms: number;
  readonly deliveryP99Ms: number;
  readonly channelName: string;
  readonly apiKey: string;
  readonly results: string;
}

const DEV_EDGES = "ws://127.0.0.1:7700/ws,ws://127.0.0.1:7701/ws";
const DEV_API = "http://127.0.0.1:7702";

export function commonKnobs(durationSec: number): CommonKnobs {
  return {
    edges: textKnob("EDGES", DEV_EDGES).split(","),
    api: textKnob("API", DEV_API),
    durationSec: numberKnob("DURATION_SEC", durationSec),
    okP99Ms: numberKnob("OK_P99_MS", 500),
    deliveryP99Ms: numberKnob("DELIVERY_P99_MS", 500),
    channelName: textKnob("CHANNEL"),
    apiKey: textKnob("API_KEY"),
    results: textKnob("RESULTS"),
  };
}
