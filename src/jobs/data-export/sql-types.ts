/**
 * Reads the SQL types of a query's columns from the catalog, with domains resolved, and arrays and composite types with
 * their parts.
 */
import pg from "pg";
import type { Family, SourceColumn, SqlType } from "./column.ts";

export type Field = Pick<pg.FieldDef, "name" | "dataTypeID" | "dataTypeModifier">;
type Ask = (sql: string, values: readonly unknown[]) => Promise<{ readonly rows: readonly unknown[] }>;

interface CatalogRow {
  readonly oid: number;
  readonly name: string;
  readonly namespace: string;
  /** pg_type.typtype: base, composite, domain, enum, pseudo, range, multirange. */
  readonly typtype: string;
  readonly typcategory: string;
  readonly base: number;
  readonly base_modifier: number;
  /** 0 for everything but true arrays; int2vector and oidvector do not count as arrays. */
  readonly element: number;
  readonly attributes: readonly { readonly name: string; readonly oid: number }[] | null;
}

/** A type before its parts are linked, because the catalog returns the types in any order. */
type Linked = { -readonly [Key in keyof SqlType]: SqlType[Key] };

const { builtins } = pg.types;
const FAMILIES: ReadonlyMap<number, Family> = new Map<number, Family>([
  [builtins.INT2, "integer"],
  [builtins.INT4, "integer"],
  [builtins.OID, "bigint"],
  [builtins.INT8, "bigint"],
  [builtins.NUMERIC, "decimal"],
  [builtins.FLOAT4, "float"],
  [builtins.FLOAT8, "float"],
  [builtins.MONEY, "money"],
  [builtins.BOOL, "boolean"],
  [builtins.DATE, "date"],
  [builtins.TIMESTAMP, "timestamp"],
  [builtins.TIMESTAMPTZ, "timestamptz"],
  [builtins.TIME, "time"],
  [builtins.TIMETZ, "timetz"],
  [builtins.INTERVAL, "interval"],
  [builtins.UUID, "uuid"],
  [builtins.JSON, "json"],
  [builtins.JSONB, "json"],
  [builtins.BYTEA, "bytes"],
]);
/**
 * Built-in types whose text a user cannot choose freely: bit strings, network addresses, geometry, text search, and
 * positions in the write-ahead log.
 */
const OTHERS = new Set([
  "bit",
  "bit varying",
  "inet",
  "cidr",
  "macaddr",
  "macaddr8",
  "point",
  "line",
  "lseg",
  "box",
  "path",
  "polygon",
  "circle",
  "tsvector",
  "tsquery",
  "pg_lsn",
  "tid",
  "xid",
  "xid8",
  "cid",
  "int2vector",
  "oidvector",
  "txid_snapshot",
  "pg_snapshot",
]);

const CATALOG = `
  with recursive used (oid) as (
    select unnest($1::oid[])
    union
    select part from used join pg_catalog.pg_type t on t.oid = used.oid
      cross join lateral (
        select t.typbasetype union all select t.typelem
        union all select a.atttypid from pg_catalog.pg_attribute a where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
      ) as parts (part)
    where part <> 0
  )
  select t.oid::int8::float8 as oid, pg_catalog.format_type(t.oid, null) as name, n.nspname::text as namespace, t.typtype::text, t.typcategory::text,
    t.typbasetype::int8::float8 as base, t.typtypmod as base_modifier, coalesce(e.oid, 0)::int8::float8 as element,
    (select pg_catalog.json_agg(pg_catalog.json_build_object('name', a.attname, 'oid', a.atttypid::int8) order by a.attnum)
      from pg_catalog.pg_attribute a where t.typtype = 'c' and a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped) as attributes
  from used join pg_catalog.pg_type t on t.oid = used.oid join pg_catalog.pg_namespace n on n.oid = t.typnamespace
    left join pg_catalog.pg_type e on e.oid = t.typelem and e.typarray = t.oid`;

/** The columns of a query from the fields that Postgres described. @param ask runs a query on the same connection */
export async function columnsOf(fields: readonly Field[], ask: Ask): Promise<SourceColumn[]> {
  const oids = [...new Set(fields.map(({ dataTypeID }) => dataTypeID))];
  const types = linkTypes((await ask(CATALOG, [oids])).rows as readonly CatalogRow[]);
  return fields.map(({ name, dataTypeID, dataTypeModifier }, at) => {
    const type = types.get(dataTypeID) as SqlType;
    return {
      position: at + 1,
      name,
      sql: `c${at + 1}`,
      type: dataTypeModifier < 0 ? type : { ...type, modifier: dataTypeModifier },
    };
  });
}

function linkTypes(rows: readonly CatalogRow[]): ReadonlyMap<number, SqlType> {
  const catalog = new Map(rows.map((row) => [row.oid, row]));
  const types = new Map(
    rows.map(({ oid, name }): [number, Linked] => {
      const modifier = modifierOf(catalog, oid);
      return [
        oid,
        { oid, name, family: familyOf(baseOf(catalog, oid)), modifier, element: undefined, attributes: undefined },
      ];
    }),
  );
  for (const [oid, type] of types) {
    const { element, attributes } = baseOf(catalog, oid);
    type.element = types.get(element);
    type.attributes = attributes?.map((attribute) => ({
      name: attribute.name,
      type: types.get(attribute.oid) as SqlType,
    }));
  }
  return types;
}

function baseOf(catalog: ReadonlyMap<number, CatalogRow>, oid: number): CatalogRow {
  const row = catalog.get(oid) as CatalogRow;
  return row.base === 0 ? row : baseOf(catalog, row.base);
}

/** The innermost modifier that a chain of domains declares. */
function modifierOf(catalog: ReadonlyMap<number, CatalogRow>, oid: number): number {
  const { base, base_modifier } = catalog.get(oid) as CatalogRow;
  return base === 0 || base_modifier >= 0 ? base_modifier : modifierOf(catalog, base);
}

function familyOf({ oid, name, namespace, typtype, element }: CatalogRow): Family {
  if (element !== 0) return "array";
  if (typtype === "c" || oid === 2249) return "composite"; // 2249 is the anonymous record
  if (typtype === "r" || typtype === "m") return "other";
  return FAMILIES.get(oid) ?? (namespace === "pg_catalog" && OTHERS.has(name) ? "other" : "text");
}
