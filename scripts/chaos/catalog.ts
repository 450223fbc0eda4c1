/** All scenarios, similar ones next to each other. */
import { backlog } from "./backlog.ts";
import { deadHostLongTimeout } from "./dead-host.ts";
import { exportFaults } from "./export-faults.ts";
import { hostileBodies } from "./hostile-bodies.ts";
import { http, image } from "./input-faults.ts";
import { hungJob, poison, threadCrash } from "./job-faults.ts";
import { killWithMany } from "./kill-with-many.ts";
import { largeJobs } from "./large-jobs.ts";
import { smtp, webhook } from "./peer-faults.ts";
import { badRow, postgresSlow, postgresStop } from "./postgres-faults.ts";
import { reconnectStorm } from "./reconnect-storm.ts";
import { lostReply, redisEmpty, redisEmptyFlows, redisFull, redisKill, redisPause } from "./redis-faults.ts";
import { loading, misconf, readonlyRedis } from "./redis-rejections.ts";
import { killBeforeRecord, killMidCopy, partition, replicaKill, term } from "./replica-faults.ts";
import type { Scenario } from "./scenario.ts";
import { schedules } from "./schedules.ts";
import { smallMemory } from "./small-memory.ts";
import { soak } from "./soak.ts";
import { clockSkew, sameKey } from "./time-faults.ts";
import { tornAof } from "./torn-file.ts";

export const SCENARIOS: readonly Scenario[] = [
  ...[replicaKill, killBeforeRecord, killMidCopy, redisKill, lostReply, badRow, redisPause, redisFull, redisEmpty],
  redisEmptyFlows,
  ...[readonlyRedis, misconf, loading, tornAof],
  ...[postgresStop, postgresSlow, threadCrash, poison, hungJob, term, clockSkew, sameKey, schedules],
  ...[backlog, smtp, webhook, image, exportFaults, http, partition],
  ...[largeJobs, reconnectStorm, hostileBodies, deadHostLongTimeout, killWithMany, smallMemory, soak],
];
