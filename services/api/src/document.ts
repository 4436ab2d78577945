// What the published document says beside the routes: which server it is about, what holds for all of them, and the parts
// that many of them name. Used by the server when it registers the maker of the document.
import { MAX_DEPTH, MAX_KEYS } from "@rookery/protocol";
import { EXAMPLES } from "./examples.ts";
import type { Example } from "./examples.ts";
import { MAX_BODY_BYTES } from "./json-body.ts";
import { METHOD_STATUS, ProblemSchema } from "./problem.ts";
import { SECURITY_SCHEMES } from "./route-schema.ts";
import { SOCKET_PATH } from "./socket-operation.ts";

const ABOUT = `Tokens, channels and messages of a Rookery cluster.

A body is JSON in UTF-8, sent as \`application/json\`: at most ${MAX_BODY_BYTES} bytes, ${MAX_DEPTH} levels deep, with ${MAX_KEYS} keys
in any one object. Fields that nobody asked for are ignored. A refusal is a problem document (RFC 9457); programs decide by
its \`code\`. A method that a path does not have is \`unknown_type\` with status ${METHOD_STATUS} and an \`Allow\` header. An answer given
before its request was wholly read says \`Connection: close\`.`;

export function documentFrame(version: string) {
  return {
    openapi: "3.1.0",
    info: {
      title: "Rookery",
      version,
      description: ABOUT,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "Where this document was read" }],
    tags: [
      { name: "tokens", description: "Tokens of users" },
      { name: "channels", description: "Channels and who has a role in them" },
      { name: "users", description: "Users as the cluster knows them" },
      { name: "messages", description: "Messages of channels" },
      { name: "sockets", description: "Where sockets are opened, at the edges" },
      { name: "audit", description: "What happened, for those who have to answer for it" },
      { name: "cluster", description: "Nodes and statistics, for whoever runs the cluster" },
      { name: "documents", description: "The api about itself" },
      { name: "health", description: "Signs of life" },
    ],
    components: { securitySchemes: SECURITY_SCHEMES, schemas: { Problem: ProblemSchema } },
  };
}

interface Content {
  readonly schema?: object;
  example?: unknown;
}

interface Operation {
  readonly operationId: string;
  readonly parameters?: { readonly in: string; readonly name: string; example?: unknown }[];
  readonly requestBody?: { required?: boolean; readonly content: Readonly<Record<string, Content>> };
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Content>> }>>;
}

/**
 * The document as the framework made it, which calls every body required: one whose every field may be left out may
 * itself be. With an example of each operation, and the address of sockets beside the routes.
 */
export function completed<Document extends { paths?: object }>(document: Document): Document & { paths: object } {
  for (const methods of Object.values<Readonly<Record<string, Operation>>>({ ...document.paths })) {
    for (const operation of Object.values(methods)) {
      const { requestBody } = operation;
      if (requestBody !== undefined) {
        requestBody.required = Object.values(requestBody.content).some(
          ({ schema }) => "required" in { ...schema } || "minProperties" in { ...schema },
        );
      }
      exemplify(operation, EXAMPLES[operation.operationId] ?? {});
    }
  }
  return { ...document, paths: { ...document.paths, ...SOCKET_PATH } };
}

function exemplify(
  { parameters = [], requestBody, responses }: Operation,
  { path, query, body, answer }: Example,
): void {
  for (const parameter of parameters) {
    const value = parameter.in === "path" ? path?.[parameter.name] : query?.[parameter.name];
    if (value !== undefined) parameter.example = value;
  }
  const asked = requestBody?.content["application/json"];
  if (asked !== undefined && body !== undefined) asked.example = body;
  const [, answered] = Object.entries(responses).find(([status]) => status.startsWith("2")) ?? [];
  const told = answered?.content?.["application/json"];
  if (told !== undefined && answer !== undefined) told.example = answer;
}
