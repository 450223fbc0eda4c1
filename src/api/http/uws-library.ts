/** Loads uWebSockets.js, whose native part exists only for some versions of Node.js and of the C library. */
import type { App, us_listen_socket_close, us_socket_local_port } from "uWebSockets.js";
import { createRequire } from "node:module";
import { messageOf, StartError } from "../../errors.ts";

export interface UwsLibrary {
  readonly App: typeof App;
  readonly us_listen_socket_close: typeof us_listen_socket_close;
  readonly us_socket_local_port: typeof us_socket_local_port;
}

const require = createRequire(import.meta.url);

/** @throws StartError that names what this machine lacks */
export function loadUws(): UwsLibrary {
  try {
    return require("uWebSockets.js") as UwsLibrary;
  } catch (error) {
    throw new StartError(whyNot(messageOf(error)), error);
  }
}

/** @param reason the library's error; its last line comes from the loader */
function whyNot(reason: string): string {
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  const { platform, arch, version } = process;
  const system = `${platform}-${arch}, ${header.glibcVersionRuntime === undefined ? "no glibc" : `glibc ${header.glibcVersionRuntime}`}`;
  const needs =
    "On Linux, it needs glibc 2.27 for Node.js 20, and glibc 2.38 (Debian 13, Ubuntu 24.04) for Node.js 22, 24 and 25";
  const loaderError = reason.trim().split("\n").at(-1) ?? "";
  return `Node.js ${version} on ${system} cannot load the HTTP server, uWebSockets.js. ${needs}: use one of these, or the Docker image. (${loaderError})`;
}
