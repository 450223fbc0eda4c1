/** Reads and submits jobs and schedules without parsing payloads and results, so that these keep every digit. */
import { submissionJson } from "../../client/submission.ts";
import type {
  Job,
  JobOptions,
  PutScheduleOptions,
  Schedule,
  ScheduleTick,
  SubmitOptions,
} from "../../client/taskflow.ts";
import { TaskFlow } from "../../client/taskflow.ts";
import { SERVER_URL } from "../app/base.ts";
import { memberText } from "../parts/json-text.ts";
import { currentKey } from "./session.ts";

export interface StoredJob {
  readonly job: Job;
  /** The response, exactly as it was received. */
  readonly json: string;
  /** JSON; undefined where the response has none: it is too large, or it was erased. */
  readonly payloadJson: string | undefined;
  /** JSON; undefined without a result. */
  readonly resultJson: string | undefined;
}

/** A text that the codec writes as it is. */
class JsonText {
  readonly json: string;
  constructor(json: string) {
    this.json = json;
  }
}

/** @throws TaskFlowError `job_not_found` (404) */
export async function readStoredJob(id: string, signal: AbortSignal): Promise<StoredJob> {
  const reader = clientWith((json) => storedJob(json));
  return (await reader.get(id, { signal })) as unknown as StoredJob;
}

/**
 * Submits a job whose payload is sent as this text.
 * @param payloadJson a JSON object
 */
export async function submitJson(type: string, payloadJson: string, options: SubmitOptions): Promise<Job> {
  return clientWith(JSON.parse).submit<string>(type, new JsonText(payloadJson), options);
}

/** The body of `POST /api/v1/jobs` with the payload as this text. @param payloadJson JSON */
export function exactSubmission(type: string, payloadJson: string, options: JobOptions): string {
  return submissionJson({ type, payload: new JsonText(payloadJson), ...options }, { stringify });
}

export interface StoredSchedule {
  readonly schedule: Schedule;
  /** The response, exactly as it was received. */
  readonly json: string;
}

/** @throws TaskFlowError `schedule_not_found` (404) */
export async function readStoredSchedule(name: string, signal: AbortSignal): Promise<StoredSchedule> {
  const reader = clientWith((json): StoredSchedule => ({ schedule: JSON.parse(json) as Schedule, json }));
  return (await reader.schedule(name, { signal })) as unknown as StoredSchedule;
}

/** Creates or replaces a schedule, with its definition sent as this text. @param json valid JSON */
export function putScheduleJson(name: string, json: string, options: PutScheduleOptions): Promise<Schedule> {
  return clientSending(json).putSchedule(name, {} as Parameters<TaskFlow["putSchedule"]>[1], options);
}

/** The next ticks of a definition, sent as this text. @param name of the schedule; "" for none */
export function previewJson(json: string, name: string, signal: AbortSignal): Promise<ScheduleTick[]> {
  return clientSending(json).previewSchedule({}, { ...(name !== "" && { name }), signal });
}

/** A client whose next body is this text, whatever it is called with. */
function clientSending(json: string): TaskFlow {
  return clientWith(JSON.parse, () => json);
}

function storedJob(json: string): StoredJob {
  const member = (name: string): string | undefined => {
    const text = memberText(json, name);
    return text === "null" ? undefined : text;
  };
  return {
    job: JSON.parse(json) as Job,
    json,
    payloadJson: member("payload"),
    resultJson: member("result"),
  };
}

function clientWith(parse: (json: string) => unknown, write = stringify): TaskFlow {
  return new TaskFlow({ url: SERVER_URL, apiKey: currentKey(), retries: 0, json: { parse, stringify: write } });
}

/** Writes the members of a submission, one of which is a {@link JsonText}. */
function stringify(value: unknown): string {
  const members = Object.entries(value as object).filter(([, member]) => member !== undefined);
  const texts = members.map(([name, member]: [string, unknown]) => {
    const json = member instanceof JsonText ? member.json : JSON.stringify(member);
    return `${JSON.stringify(name)}:${json}`;
  });
  return `{${texts.join(",")}}`;
}
