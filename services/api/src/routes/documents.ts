// The document that describes the api, and the sign of life. The document is made from the table of routes itself; a page
// to read it with is served beside it by the server.
import Type from "typebox";
import { defineRoute, NOTHING } from "../route.ts";
import type { Route } from "../route.ts";
import { socketDocument } from "../socket-document.ts";

/** `GET /v1/openapi.json` */
const openapi = defineRoute({
  method: "GET",
  url: "/v1/openapi.json",
  family: "documents",
  access: "anyone",
  params: NOTHING,
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "openApi",
    summary: "This document",
    answers: { 200: Type.Object({ openapi: Type.String(), info: Type.Object({}), paths: Type.Object({}) }) },
  },
  handle: (_api, { document }) => ({ status: 200, body: document() }),
});

/** `GET /v1/asyncapi.json` */
const asyncapi = defineRoute({
  method: "GET",
  url: "/v1/asyncapi.json",
  family: "documents",
  access: "anyone",
  params: NOTHING,
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "asyncApi",
    summary: "The socket protocol, as AsyncAPI 3",
    answers: { 200: Type.Object({ asyncapi: Type.String(), info: Type.Object({}), channels: Type.Object({}) }) },
  },
  handle: ({ version }) => ({ status: 200, body: socketDocument(version) }),
});

/** `GET /livez`: the process answers; it touches nothing else. */
const livez = defineRoute({
  method: "GET",
  url: "/livez",
  family: "health",
  access: "anyone",
  limited: false,
  params: NOTHING,
  query: NOTHING,
  body: NOTHING,
  tells: {
    operationId: "livez",
    summary: "Answers while the process lives",
    answers: { 200: Type.String() },
    contentType: "text/plain",
  },
  handle: () => ({ status: 200, body: "alive\n", contentType: "text/plain; charset=utf-8" }),
});

export const documentRoutes: readonly Route[] = [openapi, asyncapi, livez];
