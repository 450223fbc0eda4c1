/** All scenarios, in the order of faults.md. */
import { backlog } from "./backlog.ts";
import { exportFaults } from "./export-faults.ts";
import { http, image } from "./input-faults.ts";
import { hungJob, poison, threadCrash } from "./job-faults.ts";
import { smtp, webhook } from "./peer-faults.ts";
import { badRow, postgresSlow, postgresStop } from "./postgres-faults.ts";
import { lostReply, redisEmpty, redisFull, redisKill, redisPause } from "./redis-faults.ts";
import { killBeforeRecord, killMidCopy, partition, replicaKill, term } from "./replica-faults.ts";
import type { Scenario } from "./scenario.ts";
import { clockSkew, sameKey } from "./time-faults.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...[replicaKill, killBeforeRecord, killMidCopy, redisKill, lostReply, badRow, redisPause, redisFull, redisEmpty],
  ...[postgresStop, postgresSlow, threadCrash, poison, hungJob, term, clockSkew, sameKey],
  ...[backlog, smtp, webhook, image, exportFaults, http, partition],
];
