/** The entry of the dashboard: a page that uses the API through `src/client` only. */
import { render } from "preact";
import "./style.css";
import "./parts/schema-form/schema-form.css";
import "./screens/audit/audit.css";
import "./screens/destinations/destinations.css";
import "./screens/errors/errors.css";
import "./screens/flows/flows.css";
import "./screens/job/job.css";
import "./screens/jobs/jobs.css";
import "./screens/mail/mail.css";
import "./screens/new/new.css";
import "./screens/overview/overview.css";
import "./screens/queues/queues.css";
import "./screens/replicas/replicas.css";
import "./screens/schedules/schedules.css";
import { App } from "./app/app.tsx";
import { startRouter } from "./app/router.ts";
import { startTheme } from "./app/theme.ts";

startTheme();
startRouter();
const root = document.getElementById("app");
if (root) render(<App />, root);
