/** The entry of the dashboard: a page that uses the API through `src/client` only. */
import { render } from "preact";
import "./style.css";
import { App } from "./app/app.tsx";
import { startRouter } from "./app/router.ts";
import { applyTheme } from "./app/theme.ts";

applyTheme();
startRouter();
const root = document.getElementById("app");
if (root) render(<App />, root);
