/** The screens: their paths, their names, and their code, which is loaded when a screen is first opened. */
import type { ComponentType } from "preact";

export interface ScreenProps {
  /** The segment after the screen's own: an id or a type; undefined without one. */
  readonly item: string | undefined;
}

export interface Screen {
  /** The first segment below `/ui`; "" for the overview. */
  readonly path: string;
  readonly title: string;
  /** Pressed after `g`. */
  readonly key: string;
  readonly load: () => Promise<ComponentType<ScreenProps>>;
  /** The screen of one item; undefined where there is none. */
  readonly loadItem?: () => Promise<ComponentType<ScreenProps>>;
}

export const SCREENS: readonly Screen[] = [
  {
    path: "",
    title: "Overview",
    key: "o",
    load: async () => (await import("../screens/overview/overview.tsx")).Overview,
  },
  {
    path: "jobs",
    title: "Jobs",
    key: "j",
    load: async () => (await import("../screens/jobs/job-list.tsx")).JobList,
    loadItem: async () => (await import("../screens/job/job-page.tsx")).JobPage,
  },
  {
    path: "flows",
    title: "Flows",
    key: "f",
    load: async () => (await import("../screens/flows/flows.tsx")).Flows,
    loadItem: async () => (await import("../screens/flows/flow-page.tsx")).FlowPage,
  },
  {
    path: "schedules",
    title: "Schedules",
    key: "s",
    load: async () => (await import("../screens/schedules/schedules.tsx")).Schedules,
    loadItem: async () => (await import("../screens/schedules/schedule-page.tsx")).SchedulePage,
  },
  {
    path: "errors",
    title: "Errors",
    key: "e",
    load: async () => (await import("../screens/errors/errors.tsx")).Errors,
  },
  {
    path: "queues",
    title: "Queues",
    key: "q",
    load: async () => (await import("../screens/queues/queues.tsx")).Queues,
    loadItem: async () => (await import("../screens/queues/queue-page.tsx")).QueuePage,
  },
  {
    path: "replicas",
    title: "Replicas",
    key: "r",
    load: async () => (await import("../screens/replicas/replicas.tsx")).Replicas,
  },
  {
    path: "destinations",
    title: "Destinations",
    key: "d",
    load: async () => (await import("../screens/destinations/destinations.tsx")).Destinations,
  },
  {
    path: "new",
    title: "New job",
    key: "n",
    load: async () => (await import("../screens/new/new-job.tsx")).NewJob,
    loadItem: async () => (await import("../screens/new/new-job.tsx")).NewJob,
  },
  {
    path: "audit",
    title: "Audit",
    key: "a",
    load: async () => (await import("../screens/audit/audit.tsx")).Audit,
  },
  {
    path: "mail",
    title: "Mail",
    key: "m",
    load: async () => (await import("../screens/mail/mail.tsx")).Mail,
    loadItem: async () => (await import("../screens/mail/message-page.tsx")).MessagePage,
  },
];

export function screenAt(path: string): Screen | undefined {
  return SCREENS.find((screen) => screen.path === path);
}
