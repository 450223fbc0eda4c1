/**
 * Constants for the Lua scripts, made of the tables that TypeScript uses: positions in packed jobs, state codes,
 * opcodes and reply codes. A script has them as literals.
 */
import {
  CANCEL_REQUESTED,
  type Column,
  FIRST_CLAIM,
  NO_PROGRESS,
  NOT_CANCELLED,
  STATE_HEADER,
  STATE_HEADER_LENGTH,
  SUBMITTED_HEADER,
  SUBMITTED_HEADER_LENGTH,
  TIME_DIGITS,
  UNCLAIMED,
} from "../core/header.ts";
import { ID_LENGTH } from "../core/id.ts";
import { START_BYTES } from "../core/packed-job.ts";
import { STATE_CODE } from "../core/state-code.ts";
import {
  ADD_REPLY,
  CLAIM_CODE,
  DOOM_CODE,
  EDGE_CODE,
  END_OF_JOB,
  ENQUEUE_REPLY,
  KIND_BATCH,
  MAX_ADDITIONS,
  MAX_BATCH,
  NODE_KIND,
  NOT_ENQUEUED,
  NOT_UPDATED,
  OPCODE,
  PROGRESS_CHANGE,
  PUT_OFF_REASON,
  READY_SETS,
  SCHEDULE_JOB,
  SETTLE_CODE,
  SKIPPED,
  TASK,
  UNSET,
  VISIT_ID,
  WHEN_CODE,
  WORK_CODE,
} from "./codes.ts";
import { ATTEMPTED, groupName, memberOf } from "./index-names.ts";

type Constants = Readonly<Record<string, string | number>>;

/** `startedAt` → `STARTED_AT`. */
function constantCase(name: string): string {
  return name.replace(/[A-Z]/g, "_$&").toUpperCase();
}

/** NAME and NAME_END, 1-based and inclusive, as `string.sub` takes them. */
function bounds(name: string, { start }: Pick<Column, "start">, { end }: Pick<Column, "end">): Constants {
  return { [name]: start + 1, [`${name}_END`]: end };
}

function columns(table: Readonly<Record<string, Column>>, prefix: string): Constants {
  return Object.fromEntries(
    Object.entries(table).flatMap(([name, column]) =>
      Object.entries(bounds(prefix + constantCase(name), column, column)),
    ),
  );
}

function codes(table: Constants, prefix: string): Constants {
  return Object.fromEntries(Object.entries(table).map(([name, code]) => [`${prefix}${constantCase(name)}`, code]));
}

/** NAME_BYTE, as `string.byte` returns it: to compare bytes is cheaper than to cut out strings. */
function bytes(constants: Constants): Constants {
  return Object.fromEntries(
    Object.entries(constants).map(([name, code]) => [`${name}_BYTE`, String(code).charCodeAt(0)]),
  );
}

const STATES = codes(STATE_CODE, "");
const OPCODES = codes(OPCODE, "OP_");

/** Positions are those of the hash `states`, except PRIORITY and TYPE, which are those of a packed submission. */
export const LUA_CONSTANTS: Constants = {
  ...columns(STATE_HEADER, ""),
  ...bounds("COUNTERS", STATE_HEADER.attempt, STATE_HEADER.deferrals),
  ...bounds("TOKEN", STATE_HEADER.replica, STATE_HEADER.seq),
  HEADER_END: STATE_HEADER_LENGTH,
  RECORDS: STATE_HEADER_LENGTH + 1,
  ...bounds("PRIORITY", SUBMITTED_HEADER.priority, SUBMITTED_HEADER.priority),
  TYPE: SUBMITTED_HEADER_LENGTH + 1,
  START_BYTES,
  ID_END: ID_LENGTH,
  UNCLAIMED,
  FIRST_CLAIM,
  NO_PROGRESS,
  CANCEL_REQUESTED,
  /** The columns cancel and progress of a job that has neither. */
  UNTOUCHED: NOT_CANCELLED + NO_PROGRESS,
  TIME_FORMAT: `%0${TIME_DIGITS}.0f`,
  ...STATES,
  ...bytes(STATES),
  ...bytes({ CANCEL_REQUESTED, ONE: "1" }),
  ...bytes(OPCODES),
  ...codes(CLAIM_CODE, "CLAIMED_"),
  ...codes(ENQUEUE_REPLY, "ENQUEUE_"),
  NOT_ENQUEUED,
  NOT_UPDATED,
  ...codes(SETTLE_CODE, "SETTLE_"),
  ...codes(PUT_OFF_REASON, "REASON_"),
  PROGRESS_CHANGE,
  END_OF_JOB,
  READY_SETS,
  SCHEDULE_JOB,
  ...bytes({ SCHEDULE_JOB }),
  /** What the member of an attempted job in the index begins with. */
  ATTEMPTED: memberOf(ATTEMPTED, ""),
  /** What the name of a group in the index begins with. */
  GROUP_NAME: groupName(""),
  ...columns(VISIT_ID, "VISIT_"),
  SKIPPED,
  TASK,
  UNSET,
  KIND_BATCH,
  ...codes(DOOM_CODE, "DOOM_"),
  ...codes(NODE_KIND, "NODE_"),
  ...codes(WHEN_CODE, "WHEN_"),
  ...codes(EDGE_CODE, "EDGE_"),
  ...codes(WORK_CODE, "WORK_"),
  ...codes(ADD_REPLY, "ADD_"),
  MAX_BATCH,
  MAX_ADDITIONS,
};

/** A comment, a string, or a name in capitals. */
const TOKEN = /--[^\n]*|'(?:[^'\\\n]|\\.)*'|\b[A-Z][A-Z_]*\b/g;

/**
 * A source with the values of constants in place of their names. As locals they would cost each call some microseconds: a
 * function that is made in a call looks for each local that it uses among all that other functions use.
 */
export function withConstants(source: string): string {
  return source.replace(TOKEN, (token) => {
    if (!Object.hasOwn(LUA_CONSTANTS, token)) return token;
    const value = LUA_CONSTANTS[token];
    return typeof value === "number" ? String(value) : `'${luaEscaped(String(value))}'`;
  });
}

function luaEscaped(text: string): string {
  return text.replace(/[^ -&(-[\]-~]/g, (character) => `\\${String(character.charCodeAt(0)).padStart(3, "0")}`);
}
