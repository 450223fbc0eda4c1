/** Loads uWebSockets.js, whose native part comes for some versions of Node.js and of the C library only. */

import type { App, us_listen_socket_close, us_socket_local_port } from "uWebSockets.js";
import { createRequire } from "node:module";
import { messageOf, StartError } from "../../errors.ts";

export interface UwsLibrary {
  readonly App: typeof App;
  readonly us_listen_socket_close: typeof us_listen_socket_close;
  readonly us_socket_local_port: typeof us_socket_local_port;
}

const require = createRequire(import.meta.url);

/** @throws StartError that tells the operator what this machine lacks */
export function loadUws(): UwsLibrary {
  try {
    return require("uWebSockets.js") as UwsLibrary;
  } catch (error) {
    throw new StartError(whyNot(messageOf(error)), error);
  }
}

/** @param reason of the library: the last line is the loader's */
function whyNot(reason: string): string {
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  const { platform, arch, version } = process;
  const system = `${platform}-${arch}, ${header.glibcVersionRuntime === undefined ? "no glibc" : `glibc ${header.glibcVersionRuntime}`}`;
  const needs =
    "On Linux it needs glibc 2.27 for Node.js 20, and glibc 2.38 (Debian 13, Ubuntu 24.04) for Node.js 22, 24 and 25";
  return `The HTTP server, uWebSockets.js, cannot be loaded by Node.js ${version} on ${system}. ${needs}: use one of these, or the Docker image. (${reason.trim().split("\n").at(-1) ?? ""})`;
}
