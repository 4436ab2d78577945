// @ts-check
// Asks the process of this container whether it is ready: exit code 0 if it is, else 1 and the reason. Run by the images'
// HEALTHCHECK, so it finds the internal port by the same variables; a port that was given by file or flag it does not know.
import { get } from "node:http";

const WITHIN_MS = 2500;

const { ROOKERY_INTERNAL_PORT: port = "9464", ROOKERY_INTERNAL_HOST: host = "127.0.0.1" } = process.env;
/** Whoever listens on every address is asked on its own loopback. */
const OWN = new Map([
  ["0.0.0.0", "127.0.0.1"],
  ["::", "::1"],
]);

/** @param {string} why */
const unhealthy = (why) => {
  process.stderr.write(`${why}\n`);
  process.exitCode = 1;
};

const request = get({ host: OWN.get(host) ?? host, port, path: "/readyz", timeout: WITHIN_MS }, (response) => {
  let text = "";
  response.setEncoding("utf8").on("data", (part) => (text += part));
  response.on("end", () => {
    if (response.statusCode !== 200) unhealthy(text.trim());
  });
});
request.on("timeout", () => request.destroy(new Error(`no answer within ${WITHIN_MS} ms`)));
request.on("error", (error) => unhealthy(error.message));
