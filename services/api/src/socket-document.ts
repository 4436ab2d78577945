// The socket protocol as an AsyncAPI 3 document, made from the very tables that decoder, encoder and close codes come from.
// Called once at start by the documents' routes. It describes and never checks. Told from the side of the server, as
// AsyncAPI has it: what clients send it receives.
import { CLIENT_FRAMES, CLOSES, ERRORS, OK_BODIES, SERVER_FRAMES } from "@rookery/protocol";
import type { TSchema } from "typebox";

const SCHEMA_FORMAT = "application/schema+json;version=draft-07";
const SUBPROTOCOL = "rookery.v1";

const ABOUT = `The socket protocol of a Rookery cluster, \`${SUBPROTOCOL}\`: JSON objects in UTF-8 text frames, one frame per WebSocket
message. A frame with a \`ref\` gets exactly one \`ok\` or \`error\` with that \`ref\` (\`ping\`: one \`pong\`). Fields that nobody asked for
are ignored. Times are milliseconds since the Unix epoch.

A client shows a token as \`Authorization: Bearer\`, as the sub-protocol item \`bearer.<base64url of the token>\` beside
\`${SUBPROTOCOL}\`, as \`?ticket=\` (one use, from \`POST /v1/tickets\`), as the cookie \`rookery_token\` with an allowed \`Origin\`, or in a
first frame \`auth\`.`;

interface Message {
  readonly name: string;
  readonly title: string;
  readonly contentType: "application/json";
  readonly payload: object;
}

type Messages = Readonly<Record<string, Message>>;

/** The document; JSON throughout. */
export function socketDocument(version: string): object {
  const received = messages("client", "A client's", Object.entries(CLIENT_FRAMES));
  const answers = messages("ok", "The answer to a client's", Object.entries(OK_BODIES).map(asOk));
  const { ok: _bare, ...others } = SERVER_FRAMES;
  const told = messages("server", "The server's", Object.entries(others));
  const sent = { ...told, ...answers };
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Rookery sockets",
      version,
      description: `${ABOUT}\n\n${refusals()}\n\n${farewells()}`,
      license: LICENSE,
    },
    defaultContentType: "application/json",
    servers: {
      edge: {
        host: "{host}",
        pathname: "/ws",
        protocol: "wss",
        description: "Any edge of the cluster, mostly behind a load balancer",
        variables: { host: { default: "localhost:8080", description: "Host and port of the public address" } },
      },
    },
    channels: {
      socket: {
        address: "/ws",
        title: "The socket",
        description: "One connection of one user. Frames of all joined channels travel over it.",
        servers: [{ $ref: "#/servers/edge" }],
        messages: references({ ...received, ...sent }),
        bindings: { ws: { method: "GET", bindingVersion: "0.1.0" } },
      },
    },
    operations: {
      commands: operation("receive", "Commands of clients", received),
      frames: operation("send", "What clients are told", sent),
    },
    components: { messages: { ...received, ...sent }, securitySchemes: { token: TOKEN } },
  };
}

const TOKEN = {
  type: "http",
  scheme: "bearer",
  bearerFormat: "JWT",
  description: "a user's token, or a ticket for one",
};
const LICENSE = { name: "MIT", url: "https://opensource.org/license/mit" };

function messages(side: string, whose: string, frames: readonly (readonly [string, object])[]): Messages {
  return Object.fromEntries(
    frames.map(([type, payload]) => [
      `${side}.${type}`,
      {
        name: type,
        title: `${whose} \`${type}\``,
        contentType: "application/json",
        payload: { schemaFormat: SCHEMA_FORMAT, schema: payload },
      },
    ]),
  );
}

/** What `ok` adds for one command, with what every `ok` has. */
function asOk([type, added]: readonly [string, TSchema]): readonly [string, object] {
  return [type, { allOf: [SERVER_FRAMES.ok, added] }];
}

function references(some: Messages): Readonly<Record<string, object>> {
  return Object.fromEntries(Object.keys(some).map((name) => [name, { $ref: `#/components/messages/${name}` }]));
}

function operation(action: "receive" | "send", summary: string, some: Messages): object {
  const channel = { $ref: "#/channels/socket" };
  return {
    action,
    title: summary,
    summary,
    channel,
    security: [{ $ref: "#/components/securitySchemes/token" }],
    messages: Object.keys(some).map((name) => ({ $ref: `#/channels/socket/messages/${name}` })),
  };
}

function refusals(): string {
  const rows = Object.entries(ERRORS).map(
    ([code, { meaning, retry }]) => `| \`${code}\` | ${meaning} | \`${retry}\` |`,
  );
  return ["| error | when | retry |", "| --- | --- | --- |", ...rows].join("\n");
}

function farewells(): string {
  const rows = Object.entries(CLOSES).map(([reason, { code, action }]) => `| ${code} | \`${reason}\` | ${action} |`);
  return ["| close code | reason | what a client does |", "| --- | --- | --- |", ...rows].join("\n");
}
