import { describe, expect, it } from "vitest";
import type { ClusterCounts } from "./metrics.ts";
import { createMetrics } from "./metrics.ts";

const COUNTS: ClusterCounts = {
  now: 90_500,
  outbox: 4,
  unaccounted: 0,
  types: [
    {
      type: "email",
      waiting: 8,
      scheduled: 1,
      queued: 2,
      running: 3,
      retrying: 4,
      completed: 5,
      failed: 6,
      cancelled: 7,
      nextSince: 88_000,
    },
  ],
  paused: new Set(["webhook"]),
};

/** The samples of a metric: the lines that begin with its name. */
async function samples(metrics: { text(): Promise<string> }, name: string): Promise<string[]> {
  return (await metrics.text()).split("\n").filter((line) => line.startsWith(name));
}

describe("counters and histograms", () => {
  it("counts attempts by type and outcome, and jobs if the outcome is terminal", async () => {
    const metrics = createMetrics();
    const { countAttempt } = metrics;
    countAttempt("email", "retry");
    countAttempt("email", "completed");
    countAttempt("email", "completed");
    countAttempt("webhook", "lost");
    metrics.countJob("webhook", "cancelled");
    metrics.countSubmissions("accepted", 20);
    metrics.countSubmissions("validation", 1);
    expect(await samples(metrics, "taskflow_attempts_total")).toEqual([
      'taskflow_attempts_total{type="email",outcome="retry"} 1',
      'taskflow_attempts_total{type="email",outcome="completed"} 2',
      'taskflow_attempts_total{type="webhook",outcome="lost"} 1',
    ]);
    expect(await samples(metrics, "taskflow_jobs_total")).toEqual([
      'taskflow_jobs_total{type="email",outcome="completed"} 2',
      'taskflow_jobs_total{type="webhook",outcome="cancelled"} 1',
    ]);
    expect(await samples(metrics, "taskflow_submissions_total")).toEqual([
      'taskflow_submissions_total{outcome="accepted"} 20',
      'taskflow_submissions_total{outcome="validation"} 1',
    ]);
  });

  it("puts observations into cumulative buckets", async () => {
    const metrics = createMetrics();
    for (const seconds of [0.001, 0.003, 0.004, 7_200]) metrics.observePickup("email", seconds);
    const lines = await samples(metrics, "taskflow_pickup_seconds");
    expect(lines).toContain('taskflow_pickup_seconds_bucket{le="0.001",type="email"} 1');
    expect(lines).toContain('taskflow_pickup_seconds_bucket{le="0.0025",type="email"} 1');
    expect(lines).toContain('taskflow_pickup_seconds_bucket{le="0.005",type="email"} 3');
    expect(lines).toContain('taskflow_pickup_seconds_bucket{le="1800",type="email"} 3');
    expect(lines.slice(-3)).toEqual([
      'taskflow_pickup_seconds_bucket{le="+Inf",type="email"} 4',
      'taskflow_pickup_seconds_sum{type="email"} 7200.008',
      'taskflow_pickup_seconds_count{type="email"} 4',
    ]);
  });

  it("has a histogram for every stage", async () => {
    const metrics = createMetrics();
    metrics.observeRun("email", 0.2);
    metrics.observeEndToEnd("email", 0.3);
    metrics.observeHttp("GET", "/api/v1/jobs/{id}", 200, 0.001);
    metrics.observeCopy(150, 0.004);
    metrics.observeScript("claim", 0.0004);
    metrics.countDropped(3);
    metrics.countOpenings(2);
    const text = await metrics.text();
    expect(text).toContain('taskflow_run_seconds_count{type="email"} 1');
    expect(text).toContain('taskflow_end_to_end_seconds_sum{type="email"} 0.3');
    expect(text).toContain(
      'taskflow_http_seconds_bucket{le="0.001",method="GET",route="/api/v1/jobs/{id}",status="200"} 1',
    );
    expect(text).toContain('taskflow_copy_rows_bucket{le="200"} 1');
    expect(text).toContain("taskflow_copy_seconds_sum 0.004");
    expect(text).toContain('taskflow_redis_script_seconds_bucket{le="0.0005",script="claim"} 1');
    expect(text).toContain("taskflow_recorder_dropped_total 3");
    expect(text).toContain("taskflow_destination_openings_total 2");
    expect(metrics.contentType).toContain("text/plain");
  });

  it("bounds the number of series for any labels", async () => {
    const metrics = createMetrics();
    for (let n = 0; n < 5_000; n += 1) metrics.countAttempt(`type-${n}`, "retry");
    const lines = await samples(metrics, "taskflow_attempts_total");
    expect(lines).toHaveLength(1_001);
    expect(lines.at(-1)).toBe('taskflow_attempts_total{type="other",outcome="other"} 4000');
  });
});

describe("states read at a scrape", () => {
  it("has the states of this replica and of the cluster", async () => {
    const metrics = createMetrics();
    metrics.readFrom({
      slots: () => ({ io: { running: 7, limit: 200 }, cpu: { running: 2, limit: 4 } }),
      version: "1.2.3",
      recorderBuffered: () => 9,
      delays: () => ({ p50Ms: 1, p99Ms: 20, maxMs: 70 }),
      jobCounts: () => Promise.resolve(COUNTS),
    });
    const text = await metrics.text();
    for (const line of [
      'taskflow_slots_busy{lane="io"} 7',
      'taskflow_slots_busy{lane="cpu"} 2',
      "taskflow_recorder_buffered 9",
      "taskflow_outbox_depth 4",
      "taskflow_jobs_unaccounted 0",
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    for (const line of [
      'slots_limit{lane="io"} 200',
      'build_info{version="1.2.3"} 1',
      'oldest_wait_seconds{type="email"} 2.5',
      'queue_paused{type="email"} 0',
      'queue_paused{type="webhook"} 1',
    ]) {
      expect(text).toContain(`taskflow_${line}\n`);
    }
    expect(text.match(/^taskflow_cluster_jobs\{.*$/gm)).toHaveLength(8);
    expect(text).toContain('taskflow_cluster_jobs{type="email",status="cancelled"} 7');
    for (const line of ['{quantile="0.5"} 0.001', '{quantile="0.99"} 0.02', '{quantile="1"} 0.07'])
      expect(text).toContain(`taskflow_event_loop_delay_seconds${line}\n`);
    expect(text).toMatch(/^process_resident_memory_bytes \d/m);
  });

  it("omits cluster-wide samples while the job counts cannot be read", async () => {
    const metrics = createMetrics();
    let isAway = false;
    metrics.readFrom({ jobCounts: () => (isAway ? Promise.reject(new Error("away")) : Promise.resolve(COUNTS)) });
    expect(await samples(metrics, "taskflow_jobs_unaccounted")).toHaveLength(1);
    isAway = true;
    for (const name of [
      "taskflow_jobs_unaccounted",
      "taskflow_outbox_depth",
      "taskflow_cluster_jobs",
      "taskflow_oldest_wait_seconds{",
      "taskflow_queue_paused{",
    ])
      expect(await samples(metrics, name)).toEqual([]);
    isAway = false;
    expect(await samples(metrics, "taskflow_outbox_depth")).toEqual(["taskflow_outbox_depth 4"]);
  });

  it("counts flows that ended, and shows those of the cluster while Redis answers", async () => {
    const metrics = createMetrics();
    let isAway = false;
    const counts = { flows: 3, work: 2 };
    metrics.readFrom({ flowCounts: () => (isAway ? Promise.reject(new Error("away")) : Promise.resolve(counts)) });
    metrics.countFlow("batch", "failed");
    metrics.observeFlowRecorded(0.002);
    expect(await samples(metrics, "taskflow_flows_total")).toEqual([
      'taskflow_flows_total{kind="batch",status="failed"} 1',
    ]);
    expect(await samples(metrics, "taskflow_flow_recorded_seconds_count")).toEqual([
      "taskflow_flow_recorded_seconds_count 1",
    ]);
    expect(await samples(metrics, "taskflow_flows_live")).toEqual(["taskflow_flows_live 3"]);
    expect(await samples(metrics, "taskflow_flow_work")).toEqual(["taskflow_flow_work 2"]);
    isAway = true;
    expect(await samples(metrics, "taskflow_flows_live")).toEqual([]);
  });

  it("does not share state between two registries", async () => {
    const [one, other] = [createMetrics(), createMetrics()];
    one.countJob("email", "failed");
    expect(await samples(other, "taskflow_jobs_total")).toEqual([]);
  });
});
