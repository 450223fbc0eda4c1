/** A table with a column of every SQL type, rows with values that are easily changed, and rows with random values. */
import fc from "fast-check";

export const SCHEMA = `
  create type mood as enum ('calm', '=1+1', 'with "quotes", and comma');
  create domain amount as numeric(20, 4) check (value <> 13);
  create type point3 as (x float8, label text, "odd ""name" int);
  create type nest as (points point3[], inner_point point3, moods mood[], at timestamptz, doc jsonb);
  create table every (
    id int, c_text text, c_varchar varchar(300), c_padded char(5), c_name name, c_bool bool, c_int2 int2, c_int4 int4, c_int8 int8, c_oid oid,
    c_numeric numeric, c_exact numeric(38, 10), c_float4 float4, c_float8 float8, c_money money, c_amount amount, c_date date, c_time time, c_timetz timetz,
    c_timestamp timestamp, c_timestamptz timestamptz, c_interval interval, c_bytea bytea, c_uuid uuid, c_json json, c_jsonb jsonb, c_xml xml, c_mood mood,
    c_point point, c_inet inet, c_cidr cidr, c_macaddr macaddr, c_bit bit(5), c_varbit varbit, c_tsvector tsvector, c_tsquery tsquery, c_int4range int4range,
    c_numrange numrange, c_tstzrange tstzrange, c_multi nummultirange, c_ints int4[], c_texts text[], c_numerics numeric[], c_monies money[], c_dates timestamptz[], c_jsons jsonb[],
    c_point3 point3, c_points point3[], c_nest nest, c_nests nest[]
  );
  create table again (like every)`;

export const COLUMNS: readonly string[] = [
  ...SCHEMA.slice(SCHEMA.indexOf("create table every"), SCHEMA.indexOf("create table again")).matchAll(
    /(id|c_\w+) [a-z]/g,
  ),
].map(([, name]) => name ?? "");

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** Texts of values, by column. */
const VALUES: Readonly<Record<string, readonly string[]>> = {
  c_text: [
    "",
    " a ",
    "\\N",
    "\\.",
    "=1+1",
    "-1",
    "'",
    '"',
    'a"b',
    "\r",
    "\n",
    "\r\n",
    ",",
    ";",
    "\t",
    "null",
    "NULL",
    "\u0001\u0002\u007f",
    "\u2028",
    "é😀",
    "\uFEFFx",
    'a,b\n"c"',
  ],
  c_varchar: ["@x", "NaN"],
  c_padded: ["ab", "", "abcde"],
  c_name: ["a b"],
  c_bool: ["t", "f"],
  c_int2: ["-32768", "32767"],
  c_int4: ["-2147483648", "2147483647"],
  c_int8: ["-9223372036854775808", "9223372036854775807", "9007199254740993"],
  c_oid: ["4294967295"],
  c_numeric: [
    "0",
    "-0.00",
    "1.10",
    "1e-100",
    "1e100",
    "0." + "0".repeat(200) + "1",
    "9".repeat(200),
    "-12345678901234567890.12345678901234567890",
  ],
  c_exact: ["1234567890123456789012345678.0123456789", "-0.0000000001"],
  c_float4: ["-0", "1e-45", "3.4028235e38", "0.1", "16777217", "1.17549435e-38"],
  c_float8: [
    "-0",
    "5e-324",
    "1.7976931348623157e308",
    "0.1",
    "2.2250738585072014e-308",
    "123456789012345680",
    "1e21",
    "1e-7",
  ],
  c_money: ["-92233720368547758.08", "92233720368547758.07", "0.01", "-1234.5"],
  c_amount: ["1.5", "-9999999999999999.9999"],
  c_date: [
    "4713-01-01 BC",
    "0001-12-31 BC",
    "0001-01-01",
    "1582-10-10",
    "9999-12-31",
    "294276-12-31",
    "infinity",
    "-infinity",
  ],
  c_time: ["00:00:00", "23:59:59.999999", "24:00:00"],
  c_timetz: ["00:00:00+15:59:59", "24:00:00-15:59", "12:34:56.000001+00"],
  c_timestamp: [
    "4713-01-01 00:00:00 BC",
    "294276-12-31 23:59:59.999999",
    "infinity",
    "-infinity",
    "2026-03-29 02:30:00",
    "0044-03-15 12:00:00.5 BC",
  ],
  c_timestamptz: [
    "4713-01-02 00:00:00+00 BC",
    "294276-12-30 23:59:59.999999+00",
    "infinity",
    "-infinity",
    "2026-10-25 00:30:00+00",
    "2026-10-25 01:30:00+00",
    "1800-01-01 00:00:00+00",
  ],
  c_interval: [
    "0",
    "-1 day",
    "1 year -2 mons 3 days -04:05:06.000007",
    "-178000000 years",
    "178000000 years 10 mons",
    "2562047788:00:54.775807",
    "1 mon -1 day",
    "-00:00:00.000001",
  ],
  c_bytea: ["\\x", "\\x00ff5c0a"],
  c_uuid: ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
  c_json: [
    '{"b": 1.0, "a": [1e400,-0, null],\n "a":\r\n{}}',
    "null",
    '"\\u00e9\\n"',
    "12345678901234567890.10",
    " [ ] ",
    "-5",
  ],
  c_jsonb: ['{"b": 1.0, "a": [12345678901234567890.10]}', "null", '"=1"', "-5"],
  c_xml: ["<a b='1'>&lt;\n</a>", "=1+1", ""],
  c_mood: ["calm", "=1+1", 'with "quotes", and comma'],
  c_point: ["(1e-300,-0)"],
  c_inet: ["::1/64", "10.0.0.1", "10.0.0.1/8"],
  c_cidr: ["10.0.0.0/8", "2001:db8::/32"],
  c_macaddr: ["08:00:2b:01:02:03"],
  c_bit: ["00000", "10101"],
  c_varbit: ["", "0", "1".repeat(70)],
  c_tsvector: ["", "'a':1A 'b c':2B,3"],
  c_tsquery: ["'a' & !'b'"],
  c_int4range: ["empty", "[1,10)", "(,)", "[-5,)"],
  c_numrange: ["(1.10,2.200]", "[,0)"],
  c_tstzrange: ["[2026-10-25 00:30:00+00,infinity)", "(,-infinity]"],
  c_multi: ["{}", "{[1.0,2),(3,)}"],
  c_ints: ["{}", "{1,NULL,-3}", "{{1,2},{3,NULL}}", "{{{1},{2}},{{3},{4}}}"],
  c_texts: ["{}", '{"",NULL,"NULL","a,b","\\"","{}"," ","\\\\"}', "{{a},{=1}}"],
  c_numerics: ["{1.10,-0.00,12345678901234567890.5}"],
  c_monies: ["{1.50,-0.01,NULL}"],
  c_dates: ['{"4713-01-02 00:00:00+00 BC",infinity}'],
  c_jsons: ['{"{\\"a\\": 1.0}",NULL,"[null]"}'],
  c_point3: ["(,,)", '(-0,"a ""b"", (c)",7)'],
  c_points: ["{}", '{"(1,,2)",NULL,"(,\\"\\",)"}'],
  c_nest: ['("{""(1,a,)""}","(2,b,3)","{calm}","2026-01-01 00:00:00+00","{""a"": 1.50}")', "(,,,,)"],
  c_nests: ['{"(,\\"(1,,)\\",,,)",NULL}'],
};

const valueOf = (name: string, at: number): string => {
  const values = VALUES[name] ?? [];
  return at < values.length ? quoted(values[at] ?? "") : "null";
};

/** The values of each column in turn, one row of nulls at the end. As SQL. */
export const ROWS: readonly (readonly string[])[] = Array.from(
  { length: Math.max(...Object.values(VALUES).map(({ length }) => length)) + 1 },
  (_, at) => [String(at), ...COLUMNS.slice(1).map((name) => valueOf(name, at))],
);

const text = fc.string({ unit: "grapheme", maxLength: 20 }).map((value) => value.replaceAll("\0", ""));
const digits = (most: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.integer({ min: 0, max: 9 }).map(String), minLength: 1, maxLength: most });
const health = fc.constantFrom("", "-");
const numeric = fc
  .tuple(health, digits(60), digits(60))
  .map(([minus, whole, fraction]) => `${minus}${whole}.${fraction}`);
/** From 4713 BC to 294276 AD. */
const day = fc.integer({ min: -2_440_000, max: 106_751_000 }).map((days) => `(date '1970-01-01' + ${days})`);
const micros = fc
  .integer({ min: 0, max: 86_399 })
  .chain((seconds) =>
    fc
      .integer({ min: 0, max: 999_999 })
      .map((rest) => `time '00:00' + interval '${seconds}.${String(rest).padStart(6, "0")} s'`),
  );
const moment = fc.tuple(day, micros).map(([date, time]) => `(${date} + (${time}))`);
const float8 = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => (Object.is(value, -0) ? "-0" : String(value)));
const float4 = fc
  .float({ noNaN: true, noDefaultInfinity: true })
  .map((value) => (Object.is(value, -0) ? "-0" : String(value)));
const json = fc
  .json({ maxDepth: 3 })
  .filter((value) => !value.includes("\\u0000") && !/\\ud[89a-f]/i.test(value) && !/\p{Surrogate}/u.test(value));
const array = (of: fc.Arbitrary<string>, type: string): fc.Arbitrary<string> =>
  fc
    .array(fc.option(of, { nil: "null", freq: 4 }), { maxLength: 4 })
    .map((items) => `array[${items.join(", ")}]::${type}[]`);

const RANDOM: Readonly<Record<string, fc.Arbitrary<string>>> = {
  c_text: text.map(quoted),
  c_varchar: text.map(quoted),
  c_texts: array(text.map(quoted), "text"),
  c_numeric: numeric,
  c_numerics: array(numeric, "numeric"),
  c_int8: fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }).map(String),
  c_int4: fc.integer().map(String),
  c_bool: fc.boolean().map(String),
  c_float8: float8.map((value) => `'${value}'`),
  c_float4: float4.map((value) => `'${value}'`),
  c_date: day,
  c_timestamp: moment,
  c_timestamptz: moment.map((value) => `${value} at time zone 'UTC'`),
  c_time: micros,
  c_money: fc.bigInt({ min: -(10n ** 17n), max: 10n ** 17n }).map((cents) => `(${cents} / 100.0)::numeric::money`),
  c_uuid: fc.uuid().map(quoted),
  c_interval: fc
    .tuple(fc.integer(), fc.integer(), fc.maxSafeInteger())
    .map(([months, days, us]) => `'${months} mons ${days} days'::interval + ${us} * interval '1 us'`),
  c_bytea: fc.uint8Array({ maxLength: 20 }).map((bytes) => quoted(`\\x${Buffer.from(bytes).toString("hex")}`)),
  c_json: json.map(quoted),
  c_jsonb: json.map(quoted),
  c_point3: fc.tuple(float8, text).map(([x, label]) => `row('${x}', ${quoted(label)}, 1)::point3`),
  c_points: array(
    fc.tuple(float8, text).map(([x, label]) => `row('${x}', ${quoted(label)}, null)::point3`),
    "point3",
  ),
  c_numrange: fc.tuple(numeric, numeric).map(([a, b]) => `numrange(least(${a}, ${b}), greatest(${a}, ${b}))`),
  c_varbit: fc.nat(1_000_000).map((n) => `${n}::bit(20)::varbit`),
  c_mood: fc.constantFrom("calm", "=1+1").map(quoted),
  c_dates: array(
    moment.map((value) => `${value} at time zone 'UTC'`),
    "timestamptz",
  ),
};

/** A row of random values, without its id. As SQL. */
export const valueRows: fc.Arbitrary<string[]> = fc.tuple(
  ...COLUMNS.slice(1).map((name) => fc.option(RANDOM[name] ?? fc.constant("null"), { nil: "null", freq: 6 })),
);
