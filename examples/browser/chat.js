// A chat of one page and one channel: the client holds the state, and this draws it anew whenever it is another.
import { connect } from "@rookery/client";
import { guest } from "../guest.js";

const asked = new URLSearchParams(location.search);
const api = asked.get("api") ?? "http://127.0.0.1:7702";
const url = asked.get("ws") ?? "ws://127.0.0.1:7700/ws";

const client = connect({ url, token: guest(api), storage: localStorage });
const lobby = client.channel("lobby");
const find = (id) => document.getElementById(id);

client.on("state", ({ state }) => {
  find("connection").textContent = state === "open" ? `You are ${client.me().name}` : "Reconnecting…";
});

lobby.on("change", ({ messages, pending, typing }) => {
  const lines = [
    ...messages.map(({ name, body }) => `${name}: ${body ?? "(deleted)"}`),
    ...pending.map(({ body, error }) => `${body} (${error ? error.message : "sending"})`),
  ];
  // Text and never HTML: anybody may have written it.
  find("messages").replaceChildren(
    ...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })),
  );
  find("typing").textContent = typing.map(({ name }) => `${name} is typing…`).join(" ");
});

find("text").addEventListener("input", () => lobby.typing());
find("write").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = find("text");
  if (text.value.trim() === "") return;
  // What fails stays among `pending`, with its error.
  void lobby.send(text.value);
  text.value = "";
});
