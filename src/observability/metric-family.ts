/**
 * Counters and histograms for the hot path: plain numbers that a scrape converts to text. A labelled observation costs
 * a tenth of one in prom-client, which checks and hashes the labels each time (bench: metrics.test.ts). Families have
 * the members of prom-client's metrics that its registry reads.
 */
import { at } from "../core/at.ts";

/** One line of the Prometheus text. */
interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName: string;
}

/** All series of one metric, one per combination of label values. */
export interface Family<Series> {
  readonly name: string;
  /** The series of these label values, in the order of the label names. */
  of(...labelValues: readonly string[]): Series;
  /** Called by the registry. */
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

/** Labels should be bounded. If a label is not, further series are counted as `other`. */
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

/** @param bounds the upper bounds of the buckets, ascending; the histogram adds a bucket for greater values */
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
    return {
      series: { observe },
      samples: (labels) => histogramSamples(description.name, labels, bounds, counts, sum),
    };
  });
}

function histogramSamples(
  name: string,
  labels: Sample["labels"],
  bounds: readonly number[],
  counts: Float64Array,
  sum: number,
): Sample[] {
  let total = 0;
  const buckets = Array.from(counts, (count, bucket) => {
    total += count;
    return { labels: { le: bounds[bucket] ?? "+Inf", ...labels }, value: total, metricName: `${name}_bucket` };
  });
  return [
    ...buckets,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value: total, metricName: `${name}_count` },
  ];
}

interface Member<Series> {
  readonly series: Series;
  readonly samples: (labels: Sample["labels"]) => Sample[];
}

/** A family's series as a tree of label values, because a lookup by a joined string would be slower. */
interface Branch<Series> {
  readonly branches: Map<string, Branch<Series>>;
  series: Series | undefined;
}

function isSame(values: readonly string[], others: readonly string[]): boolean {
  for (let i = 0; i < values.length; i++) if (values[i] !== others[i]) return false;
  return true;
}

function family<Series>(
  { name, help, labels: labelNames }: Description,
  type: string,
  create: () => Member<Series>,
): Family<Series> {
  const members: (Member<Series> & { readonly labels: Sample["labels"] })[] = [];
  const root: Branch<Series> = { branches: new Map(), series: undefined };
  const add = (values: readonly string[]): Series => {
    if (members.length >= MAX_SERIES && values[0] !== "other") return of(...values.map(() => "other"));
    const labels = Object.fromEntries(labelNames.map((label, i) => [label, at(values, i)]));
    const member = { ...create(), labels };
    members.push(member);
    let branch = root;
    for (const value of values) {
      const next = branch.branches.get(value) ?? { branches: new Map(), series: undefined };
      branch.branches.set(value, next);
      branch = next;
    }
    branch.series = member.series;
    return member.series;
  };
  // most observations have the same labels as the previous one
  let last: { readonly values: readonly string[]; readonly series: Series } | undefined;
  const of = (...values: readonly string[]): Series => {
    if (last === undefined || !isSame(values, last.values)) last = { values, series: find(values) };
    return last.series;
  };
  const find = (values: readonly string[]): Series => {
    let branch: Branch<Series> | undefined = root;
    for (let i = 0; branch !== undefined && i < values.length; i++) branch = branch.branches.get(values[i] as string);
    return branch?.series ?? add(values);
  };
  if (labelNames.length === 0) find([]); // a metric without labels starts at zero
  const get = () =>
    Promise.resolve({
      name,
      help,
      type,
      aggregator: "sum",
      values: members.flatMap(({ samples, labels }) => samples(labels)),
    });
  return { name, of, get };
}
