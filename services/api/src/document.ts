// What the published document says beside the routes: which server it is about, what holds for all of them, and the parts
// that many of them name. Used by the server when it registers the maker of the document.
import { MAX_DEPTH, MAX_KEYS } from "@rookery/protocol";
import { MAX_BODY_BYTES } from "./json-body.ts";
import { METHOD_STATUS, ProblemSchema } from "./problem.ts";
import { SECURITY_SCHEMES } from "./route-schema.ts";

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
      { name: "messages", description: "Messages of channels" },
      { name: "documents", description: "The api about itself" },
      { name: "health", description: "Signs of life" },
    ],
    components: { securitySchemes: SECURITY_SCHEMES, schemas: { Problem: ProblemSchema } },
  };
}

interface Operation {
  requestBody?: { required?: boolean; content: Readonly<Record<string, { schema?: object }>> };
}

/**
 * The document as the framework made it, which calls every body required: one whose every field may be left out may
 * itself be.
 */
export function withOptionalBodies<Document extends { paths?: object }>(document: Document): Document {
  for (const methods of Object.values<Readonly<Record<string, Operation>>>({ ...document.paths })) {
    for (const { requestBody } of Object.values(methods)) {
      if (requestBody === undefined) continue;
      requestBody.required = Object.values(requestBody.content).some(({ schema }) => "required" in { ...schema });
    }
  }
  return document;
}
