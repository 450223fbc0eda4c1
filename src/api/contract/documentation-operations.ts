/** The calls that tell of the others. */
import { Type } from "typebox";
import type { Operation } from "./operation.ts";

const NOT_MODIFIED: Operation["answers"] = { 304: { description: "The client has this one", headers: ["ETag"] } };

export const getOpenApi: Operation = {
  method: "GET",
  pattern: "/api/v1/openapi.json",
  access: "public",
  id: "getOpenApi",
  tag: "Documentation",
  summary: "This document",
  answers: {
    200: {
      description: "OpenAPI 3.1",
      content: { "application/json": { schema: Type.Object({ openapi: Type.String() }) } },
      headers: ["ETag"],
    },
    ...NOT_MODIFIED,
  },
};

const PAGE = { description: "A page for browsers", content: { "text/html": { schema: Type.String() } } };

export const getRoot: Operation = {
  method: "GET",
  pattern: "/",
  access: "public",
  id: "getRoot",
  tag: "Documentation",
  summary: "Leads a browser to that page",
  answers: { 302: { description: "It is /docs", headers: ["Location"] } },
};

export const getDocs: Operation = {
  method: "GET",
  pattern: "/docs",
  access: "public",
  id: "getDocs",
  tag: "Documentation",
  summary: "This document, to read and try",
  answers: { 200: PAGE },
};

export const getDocsFile: Operation = {
  method: "GET",
  pattern: "/docs/{docs_file}",
  access: "public",
  id: "getDocsFile",
  tag: "Documentation",
  summary: "What that page is made of",
  answers: {
    200: {
      description: "The file",
      content: { "text/javascript": { schema: Type.String() }, "text/css": { schema: Type.String() } },
      headers: ["ETag"],
    },
    ...NOT_MODIFIED,
  },
  problems: ["not_found"],
};
