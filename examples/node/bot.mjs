// A bot that answers `!time` and `!seen`, and goes on where it was: what was asked while it was away is answered when it starts
// again. `node examples/node/bot.mjs <channel> [the cluster.json of a cluster]`
import { readFileSync } from "node:fs";
import { connect } from "@rookery/client";
import { openFileStorage } from "./file-storage.mjs";

const [channelId = "lobby", clusterFile = ".rookery/cluster.json", storageFile = "bot.json"] = process.argv.slice(2);
const { api, apiKey, ws } = JSON.parse(readFileSync(clusterFile, "utf8"));
// Node 20 has no WebSocket of its own.
const WebSocket = globalThis.WebSocket ?? (await import("ws")).WebSocket;

/** A backend may speak for anybody; this one speaks for the bot. */
async function fetchToken() {
  const answer = await fetch(`${api}/v1/tokens`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ user: "bot", name: "Bot" }),
  });
  if (!answer.ok) throw new Error(`no token: ${answer.status} ${await answer.text()}`);
  return (await answer.json()).token;
}

const storage = openFileStorage(storageFile);
const client = connect({ urls: ws, token: fetchToken, storage, WebSocket });
client.on("error", (error) => console.error(String(error)));
const channel = client.channel(channelId, { resume: true });
let seen = 0;
const ANSWERS = {
  "!time": () => `It is ${new Date().toISOString()}.`,
  "!seen": () => `I have seen ${seen} messages since I started.`,
};

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());
const messages = channel.messages({ signal: stop.signal });
channel.ready().then(() => console.log(`in ${channelId}`), console.error);
try {
  for await (const message of messages) {
    if (message.type === "gap") continue;
    seen += 1;
    const answer = message.user === client.me()?.user ? undefined : ANSWERS[message.body];
    // Not awaited: while this waits for an answer, the next message is already there.
    if (answer) channel.send(answer(), { replyTo: message.id }).catch(console.error);
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
}
client.close();
