/** The calls that serve the documentation of the API. */
import { Type } from "typebox";
import type { Operation } from "./operation.ts";

const NOT_MODIFIED: Operation["answers"] = { 304: { description: "The client's copy is current", headers: ["ETag"] } };

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

const PAGE = { description: "An HTML page", content: { "text/html": { schema: Type.String() } } };

export const getRoot: Operation = {
  method: "GET",
  pattern: "/",
  access: "open",
  id: "getRoot",
  tag: "Documentation",
  summary: "Redirect to the dashboard, or to the documentation if there is none",
  answers: { 302: { description: "The dashboard is at /ui, the documentation at /docs", headers: ["Location"] } },
};

export const getDocs: Operation = {
  method: "GET",
  pattern: "/docs",
  access: "public",
  id: "getDocs",
  tag: "Documentation",
  summary: "The documentation of this API, as a page to read and try",
  answers: { 200: PAGE },
};

export const getDocsFile: Operation = {
  method: "GET",
  pattern: "/docs/{docs_file}",
  access: "public",
  id: "getDocsFile",
  tag: "Documentation",
  summary: "A script or style sheet of the documentation page",
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

/** In protected mode, the page says in words what the calls of its scripts are denied for; its files hold no secrets. */
const DASHBOARD: Pick<Operation, "method" | "access" | "tag" | "answers" | "problems"> = {
  method: "GET",
  access: "open",
  tag: "Dashboard",
  answers: { 200: PAGE },
  problems: ["not_found"],
};

export const getDashboard: Operation = {
  ...DASHBOARD,
  pattern: "/ui",
  id: "getDashboard",
  summary: "The dashboard",
};

export const getDashboardScreen: Operation = {
  ...DASHBOARD,
  pattern: "/ui/{ui_screen}",
  id: "getDashboardScreen",
  summary: "A screen of the dashboard",
};

export const getDashboardItem: Operation = {
  ...DASHBOARD,
  pattern: "/ui/{ui_screen}/{ui_item}",
  id: "getDashboardItem",
  summary: "A job, a queue or another item in the dashboard",
};

export const getDashboardFile: Operation = {
  method: "GET",
  pattern: "/ui/assets/{ui_file}",
  access: "open",
  id: "getDashboardFile",
  tag: "Dashboard",
  summary: "A script or style sheet of the dashboard",
  answers: {
    200: {
      description: "The file",
      content: {
        "text/javascript": { schema: Type.String() },
        "text/css": { schema: Type.String() },
        "image/svg+xml": { schema: Type.String() },
      },
      headers: ["ETag"],
    },
    ...NOT_MODIFIED,
  },
  problems: ["not_found"],
};
