/**
 * Where the server is: the page's scripts are at `ui/assets/` below it, so the dashboard works under any path prefix
 * of a proxy.
 */
const scripts = document.querySelector<HTMLScriptElement>("script[type=module]");
/** The server's URL, without a slash at its end. */
export const SERVER_URL = new URL("../..", scripts?.src ?? `${location.origin}/ui/assets/main.js`).href.replace(
  /\/$/,
  "",
);
/** The path of the dashboard: `/ui`, or `/prefix/ui`. */
export const UI_PATH = `${new URL(SERVER_URL).pathname.replace(/\/$/, "")}/ui`;
