/**
 * Counters and histograms for the hot path: plain numbers that are put into words when somebody asks. A labelled
 * observation costs a tenth of prom-client's, which checks and hashes its labels each time (bench: metrics.test.ts).
 * The families have the shape of prom-client's metrics as far as its registry reads them.
 */

/** One line of the Prometheus text. */
interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName: string;
}

/** All series of one metric: one for each combination of label values. */
export interface Family<Series> {
  readonly name: string;
  /** The series of these label values, in the order of the label names. */
  of(...labelValues: readonly string[]): Series;
  /** What the registry asks for. */
  get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Sample[] }>;
}

export interface Counter {
  add(count: number): void;
}

export interface Histogram {
  observe(value: number): void;
}

export interface Description {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** Labels are meant to be bounded; where one is not after all, what is beyond this many series is told as `other`. */
const MAX_SERIES = 1_000;

export function counterFamily(description: Description): Family<Counter> {
  return family(description, "counter", () => {
    let total = 0;
    return {
      series: { add: (count) => void (total += count) },
      samples: (labels) => [{ labels, value: total, metricName: description.name }],
    };
  });
}

/** @param bounds the upper bounds of the buckets, rising; one for all beyond is added */
export function histogramFamily(description: Description, bounds: readonly number[]): Family<Histogram> {
  return family(description, "histogram", () => {
    const counts = new Float64Array(bounds.length + 1);
    let sum = 0;
    const observe = (value: number): void => {
      let bucket = 0;
      while (bucket < bounds.length && value > (bounds[bucket] as number)) bucket += 1;
      counts[bucket] = (counts[bucket] as number) + 1;
      sum += value;
    };
    return { series: { observe }, samples: (labels) => histogramSamples(description.name, labels, bounds, counts, sum) };
  });
}

function histogramSamples(name: string, labels: Sample["labels"], bounds: readonly number[], counts: Float64Array, sum: number): Sample[] {
  let total = 0;
  const buckets = Array.from(counts, (count, bucket) => {
    total += count;
    return { labels: { le: bounds[bucket] ?? "+Inf", ...labels }, value: total, metricName: `${name}_bucket` };
  });
  return [...buckets, { labels, value: sum, metricName: `${name}_sum` }, { labels, value: total, metricName: `${name}_count` }];
}

interface Member<Series> {
  readonly series: Series;
  readonly samples: (labels: Sample["labels"]) => Sample[];
}

function family<Series>({ name, help, labels: labelNames }: Description, type: string, create: () => Member<Series>): Family<Series> {
  const members = new Map<string, Member<Series> & { readonly labels: Sample["labels"] }>();
  const add = (key: string, values: readonly string[]): Series => {
    if (members.size >= MAX_SERIES && values[0] !== "other") return of(...values.map(() => "other"));
    const labels = Object.fromEntries(labelNames.map((label, i) => [label, values[i] ?? ""]));
    const member = { ...create(), labels };
    members.set(key, member);
    return member.series;
  };
  const of = (...values: readonly string[]): Series => {
    const key = values.length === 1 ? (values[0] as string) : values.join("\0");
    return members.get(key)?.series ?? add(key, values);
  };
  if (labelNames.length === 0) of(); // a metric without labels is there from the start, at zero
  const get = () => Promise.resolve({ name, help, type, aggregator: "sum", values: [...members.values()].flatMap(({ samples, labels }) => samples(labels)) });
  return { name, of, get };
}
