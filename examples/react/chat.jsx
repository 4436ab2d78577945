// A chat in React: a name to come in under, then a channel that is joined for as long as it is mounted.
import { RookeryProvider, useChannel, useConnection, useTyping } from "@rookery/client/react";
import { useState } from "react";
import { guest } from "../guest.js";

const asked = new URLSearchParams(location.search);
const api = asked.get("api") ?? "http://127.0.0.1:7702";
const url = asked.get("ws") ?? "ws://127.0.0.1:7700/ws";

export function App() {
  const [token, setToken] = useState();
  if (!token) return <Line label="Your name" button="Come in" onLine={(name) => setToken(() => guest(api, name))} />;
  return (
    <RookeryProvider url={url} token={token}>
      <Chat id="lobby" />
    </RookeryProvider>
  );
}

function Chat({ id }) {
  const { channel, state } = useChannel(id);
  const { typing, tell } = useTyping(id);
  const connection = useConnection();
  return (
    <main>
      <h1>{id}</h1>
      <p role="status">{connection.state === "open" ? `${state.online ?? 0} here` : "Reconnecting…"}</p>
      <ol>
        {state.messages.map((message) => (
          <li key={message.id}>
            {message.name}: {message.body ?? "(deleted)"}
          </li>
        ))}
        {state.pending.map(({ clientId, body, error }) => (
          <li key={clientId}>
            {body} ({error ? error.message : "sending"})
          </li>
        ))}
      </ol>
      <p>{typing.map(({ name }) => `${name} is typing…`).join(" ")}</p>
      <Line label="Message" button="Send" onText={() => tell()} onLine={(text) => channel?.send(text)} />
    </main>
  );
}

function Line({ label, button, onLine, onText }) {
  const [text, setText] = useState("");
  const submit = (event) => {
    event.preventDefault();
    if (text.trim() === "") return;
    onLine(text);
    setText("");
  };
  const change = ({ target }) => {
    setText(target.value);
    onText?.();
  };
  return (
    <form onSubmit={submit}>
      <input aria-label={label} value={text} onChange={change} />
      <button>{button}</button>
    </form>
  );
}
