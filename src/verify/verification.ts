/**
 * Reconciles Redis, Postgres and the counters of a system that goes on working meanwhile.
 *
 *   walk over all jobs, slice by slice ─▶ suspects ─▶ pause, look again ─▶ pause, look again ─▶ faults
 *
 * What one script answers is of one instant, and what is wrong in it is wrong. What two answers contradict may have moved
 * between them: only what is still so at both later looks is named. Memory is bounded: slices, and a limited number of suspects.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Audit, AuditBooks } from "../queue/audit.ts";
import type { Sight } from "../queue/snapshot.ts";
import { faultOf, stateOf } from "../queue/snapshot.ts";
import type { Held } from "../results/stored-jobs.ts";
import { lostAccepted } from "./acceptance-check.ts";
import type { Tally } from "./counts-check.ts";
import { contradictions, isSame, miscounts } from "./counts-check.ts";
import type { Fault, Faults } from "./inconsistency.ts";
import { stillThere } from "./inconsistency.ts";
import { overdueFaults } from "./overdue.ts";

/** More are counted, and not looked at again. */
const MAX_SUSPECTS = 10_000;
const SLICE = 500;
const NONE: Faults = new Map();
const DAY_MS = 86_400_000;

export interface VerificationOptions {
  readonly audit: Audit;
  readonly held: Held;
  /** Of the queue, as in Postgres. */
  readonly namespace: string;
  readonly leaseMs: number;
  readonly retentionDays: number;
  /** Between two looks, in milliseconds. */
  readonly pauseMs: number;
}

export interface Verification {
  readonly books: AuditBooks;
  /** Jobs in Redis that were looked at. */
  readonly jobsSeen: number;
  readonly rows: number;
  readonly faults: readonly Fault[];
  /** What looked wrong at first, and was too much to be looked at again. */
  readonly unexamined: number;
  /** Sentences that an operator should know, and that are no faults. */
  readonly notes: readonly string[];
}

/** @throws QueueUnavailable, OutcomeUnknown or pg's error when Redis or Postgres goes away meanwhile */
export async function verify(options: VerificationOptions): Promise<Verification> {
  const before = await options.audit.books();
  const walk = await walkOver(options);
  const { faults: ofRows, rows, notes } = await compareRows(options, before);
  const books = await options.audit.books();
  const suspects: Faults = new Map([...walk.suspects, ...contradictions(books), ...(await overdueFaults(options))]);
  const faults = await afterTwoLooks(options, suspects, () => lookAgain(options, suspects));
  const lost = await afterTwoLooks(options, await lostAccepted(options), () => lostAccepted(options));
  const miscounted = await afterTwoLooks(
    options,
    walk.miscounts ?? NONE,
    async () => (await walkOver(options)).miscounts ?? NONE,
  );
  if (!walk.miscounts)
    notes.push("Jobs came or went meanwhile: the counters were held against the sets, and not against each job.");
  return {
    books,
    jobsSeen: walk.seen,
    rows,
    faults: [...faults.values(), ...lost.values(), ...miscounted.values(), ...ofRows],
    unexamined: walk.unexamined,
    notes,
  };
}

async function afterTwoLooks(
  { pauseMs }: VerificationOptions,
  suspects: Faults,
  look: () => Promise<Faults>,
): Promise<Faults> {
  let left = suspects;
  for (let looks = 0; looks < 2 && left.size > 0; looks += 1) {
    await pause(pauseMs);
    left = stillThere(left, await look());
  }
  return left;
}

async function lookAgain(options: VerificationOptions, faults: Faults): Promise<Faults> {
  const found: Faults = new Map([...contradictions(await options.audit.books()), ...(await overdueFaults(options))]);
  const ids = [...faults.values()].flatMap(({ id }) => (id === null ? [] : [id]));
  for (let at = 0; at < ids.length; at += SLICE) {
    const sights = await options.audit.inspect(ids.slice(at, at + SLICE));
    for (const [id, fault] of await faultsAmong(options, sights)) found.set(id, fault);
  }
  return found;
}

async function faultsAmong({ held }: VerificationOptions, sights: readonly Sight[]): Promise<Faults> {
  const faults: Faults = new Map();
  const unfinished = new Map<string, string>();
  for (const sight of sights) {
    const fault = faultOf(sight);
    const status = stateOf(sight)?.status ?? "";
    if (fault) faults.set(sight.id, { ...fault, id: sight.id });
    else if (["queued", "scheduled", "retrying", "running"].includes(status)) unfinished.set(sight.id, status);
  }
  for (const id of await held.among([...unfinished.keys()])) {
    faults.set(id, {
      kind: "recorded_and_live",
      id,
      text: `is ${unfinished.get(id) ?? ""} in Redis, and Postgres has its outcome`,
    });
  }
  return faults;
}

interface Walk {
  readonly seen: number;
  readonly suspects: Faults;
  readonly unexamined: number;
  /** Undefined where jobs came or went during the walk: then it tells nothing about the counters. */
  readonly miscounts: Faults | undefined;
}

/** One look at every job that Redis knows of. */
async function walkOver(options: VerificationOptions): Promise<Walk> {
  const { audit } = options;
  const before = await audit.books();
  const tally: Tally = new Map();
  const suspects: Faults = new Map();
  let [seen, unexamined] = [0, 0];
  const look = async (ids: readonly string[]): Promise<void> => {
    if (ids.length === 0) return;
    const sights = await audit.inspect(ids);
    seen += count(sights, tally);
    for (const [id, fault] of await faultsAmong(options, sights)) {
      if (suspects.size < MAX_SUSPECTS) suspects.set(id, fault);
      else unexamined += 1;
    }
  };
  for await (const ids of audit.strangers()) await look(ids);
  for await (const ids of audit.liveIds()) await look(ids);
  const after = await audit.books();
  return { seen, suspects, unexamined, miscounts: isSame(before, after) ? miscounts(after, tally) : undefined };
}

/** @returns how many of them are jobs */
function count(sights: readonly Sight[], tally: Tally): number {
  let jobs = 0;
  for (const sight of sights) {
    const state = stateOf(sight);
    if (!sight.isLive || !state) continue;
    jobs += 1;
    const key = `${state.status}:${state.type}`;
    tally.set(key, (tally.get(key) ?? 0) + 1);
  }
  return jobs;
}

/** Every job that was counted as recorded has a row, as long as no retention can have dropped any. */
async function compareRows(
  { audit, held, retentionDays }: VerificationOptions,
  before: AuditBooks,
): Promise<{ faults: Fault[]; rows: number; notes: string[] }> {
  const recorded = (books: AuditBooks): number => books.types.reduce((total, type) => total + type.recorded, 0);
  const { rows, since } = await held.total();
  const after = await audit.books();
  const faults: Fault[] = [];
  const notes: string[] = [];
  if (rows < recorded(before)) {
    const text = `Postgres holds ${rows} rows, and ${recorded(before)} jobs were recorded`;
    if (after.now - since < retentionDays * DAY_MS)
      faults.push({ kind: "books", id: null, text: `${text}, none of which is past its retention` });
    else notes.push(`${text}: retention has dropped the others.`);
  } else if (rows > recorded(after) + after.outbox) {
    notes.push(
      `Postgres holds ${rows} rows, and this Redis has counted ${recorded(after)} as recorded: it was emptied once, or is not the only one that records there.`,
    );
  }
  return { faults, rows, notes };
}
