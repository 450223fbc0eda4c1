/**
 * A table of rows that the keyboard can walk: `j` and `k` move, `x` selects, Enter opens. The rows that a user looks at
 * never move: the caller decides when new rows are added.
 */
import type { ComponentChildren, JSX } from "preact";
import { Component } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useKeys } from "../app/keys.ts";
import { navigate, route, setQuery } from "../app/router.ts";

export interface Column<Row> {
  readonly key: string;
  readonly title: ComponentChildren;
  readonly cell: (row: Row) => ComponentChildren;
  /** `end` for numbers. */
  readonly align?: "start" | "end";
  /** Hidden on narrow screens. */
  readonly isMinor?: boolean;
}

interface Selection {
  readonly ids: ReadonlySet<string>;
  readonly change: (ids: ReadonlySet<string>) => void;
}

/** Details below a row. Enter, a click on the row and a button in it show and hide them. */
export interface Details<Row> {
  readonly toggle: (id: string) => void;
  readonly render: (row: Row) => ComponentChildren;
  /** Names the row for screen readers. */
  readonly labelOf: (row: Row) => string;
}

interface TableProps<Row> {
  /** Read out by screen readers. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly idOf: (row: Row) => string;
  /** The URL that Enter, and a click on the row, open. */
  readonly hrefOf?: (row: Row) => string;
  /** In place of `hrefOf`. */
  readonly details?: Details<Row>;
  /** The row whose details are shown. */
  readonly openId?: string | null;
  readonly selection?: Selection;
  readonly empty?: ComponentChildren;
}

/** The row of the keyboard is the `row` of the URL. */
const ROW = "row";
/** A long table is rendered in steps of so many rows, so that the browser stays responsive. */
const STEP = 50;

export function Table<Row>(props: TableProps<Row>): JSX.Element {
  const { caption, columns, rows, idOf, hrefOf, details, openId, selection, empty } = props;
  const body = useRef<HTMLTableSectionElement>(null);
  const current = route().query.get(ROW);
  useRowKeys(props, body);
  const latest = useRef(selection);
  latest.current = selection;
  const shown = useGrowing(rows.length);
  useScrollToRow(body, shown);
  const onToggle = useRef((id: string): void => {
    const now = latest.current;
    now?.change(toggled(now.ids, id));
  }).current;
  return (
    <div class="table-scroll">
      {/* the roles stay where a style sheet lays the rows out as grids */}
      <table role="table">
        <caption class="off-screen">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {details ? <th role="columnheader" scope="col" class="expand" aria-label="Details" /> : null}
            {selection ? <SelectAll rows={rows.map(idOf)} selection={selection} /> : null}
            {columns.map(({ key, title, ...look }) => (
              <th key={key} role="columnheader" scope="col" class={cellClass(look)} data-column={key}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body} role="rowgroup">
          {rows.slice(0, shown).map((row) => {
            const id = idOf(row);
            return (
              <TableRow
                key={id}
                row={row}
                id={id}
                columns={columns}
                hrefOf={hrefOf}
                details={details}
                isOpen={id === openId}
                isCurrent={id === current}
                isSelected={selection?.ids.has(id)}
                onToggle={onToggle}
              />
            );
          })}
        </tbody>
      </table>
      {rows.length === 0 ? <div class="empty">{empty ?? "Nothing here."}</div> : null}
    </div>
  );
}

interface TableRowProps<Row> {
  readonly row: Row;
  readonly id: string;
  readonly columns: readonly Column<Row>[];
  readonly hrefOf: TableProps<Row>["hrefOf"];
  readonly details: Details<Row> | undefined;
  readonly isOpen: boolean;
  readonly isCurrent: boolean;
  /** Undefined in a table without a selection. */
  readonly isSelected: boolean | undefined;
  readonly onToggle: (id: string) => void;
}

/** Rendered again only if one of its properties has changed: a table may have 1,000 rows. */
class TableRow<Row> extends Component<TableRowProps<Row>> {
  override shouldComponentUpdate(next: TableRowProps<Row>): boolean {
    return (Object.keys(next) as (keyof TableRowProps<Row>)[]).some((name) => next[name] !== this.props[name]);
  }

  override render(): JSX.Element {
    const { row, id, columns, hrefOf, details, isOpen, isCurrent, isSelected, onToggle } = this.props;
    const line = (
      <tr
        role="row"
        data-row={id}
        class={`${isCurrent ? "current" : ""} ${hrefOf || details ? "opens" : ""}`}
        aria-selected={isSelected}
        onClick={(event) => (details ? toggle(event, id, details) : open(event, row, hrefOf))}
      >
        {details ? <Expander row={row} id={id} details={details} isOpen={isOpen} /> : null}
        {isSelected === undefined ? null : (
          <td role="cell" class="select">
            <input type="checkbox" checked={isSelected} aria-label={`Select ${id}`} onChange={() => onToggle(id)} />
          </td>
        )}
        {columns.map(({ key, cell, ...look }) => (
          <td key={key} role="cell" class={cellClass(look)}>
            {cell(row)}
          </td>
        ))}
      </tr>
    );
    if (!details || !isOpen) return line;
    return (
      <>
        {line}
        <tr role="row" class="details" id={`details-${id}`}>
          <td role="cell" colSpan={columns.length + 1 + (isSelected === undefined ? 0 : 1)}>
            {details.render(row)}
          </td>
        </tr>
      </>
    );
  }
}

interface ExpanderProps<Row> extends Pick<TableRowProps<Row>, "row" | "id" | "isOpen"> {
  readonly details: Details<Row>;
}

function Expander<Row>({ row, id, details, isOpen }: ExpanderProps<Row>): JSX.Element {
  return (
    <td role="cell" class="expand">
      <button
        type="button"
        class="button quiet"
        aria-label={`Details of ${details.labelOf(row)}`}
        aria-expanded={isOpen}
        aria-controls={isOpen ? `details-${id}` : undefined}
        onClick={() => details.toggle(id)}
      >
        <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
          <path d="M4.5 2.5L8 6l-3.5 3.5" />
        </svg>
      </button>
    </td>
  );
}

/** How many of the rows are rendered: a step more with each frame. */
function useGrowing(count: number): number {
  const [shown, setShown] = useState(STEP);
  const isAll = shown >= count;
  useEffect(() => {
    if (isAll) return undefined;
    const frame = requestAnimationFrame(() => setShown(shown + STEP));
    return () => cancelAnimationFrame(frame);
  }, [isAll, shown]);
  return shown;
}

function SelectAll({
  rows,
  selection,
}: {
  readonly rows: readonly string[];
  readonly selection: Selection;
}): JSX.Element {
  const isAll = rows.length > 0 && rows.every((id) => selection.ids.has(id));
  return (
    <th role="columnheader" scope="col" class="select">
      <input
        type="checkbox"
        checked={isAll}
        disabled={rows.length === 0}
        aria-label="Select all rows of this page"
        onChange={() => selection.change(new Set(isAll ? [] : rows))}
      />
    </th>
  );
}

function cellClass({ align = "start", isMinor = false }: Pick<Column<unknown>, "align" | "isMinor">): string {
  return `${align === "end" ? "number" : ""} ${isMinor ? "minor" : ""}`.trim();
}

function toggled(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(ids);
  if (!next.delete(id)) next.add(id);
  return next;
}

/** A click on a control in a row, or that ends a selection of text, is not one on the row. */
function isOnRow({ target }: MouseEvent): boolean {
  if (!(target instanceof Element) || getSelection()?.type === "Range") return false;
  return target.closest("a, button, input, select, summary, .select") === null;
}

function toggle<Row>(event: MouseEvent, id: string, details: Details<Row>): void {
  if (isOnRow(event)) details.toggle(id);
}

function open<Row>(event: MouseEvent, row: Row, hrefOf: TableProps<Row>["hrefOf"]): void {
  if (!hrefOf || !isOnRow(event)) return;
  const url = hrefOf(row);
  if (event.metaKey || event.ctrlKey) window.open(url);
  else navigate(url);
}

function useRowKeys<Row>(
  { rows, idOf, hrefOf, details, selection }: TableProps<Row>,
  body: { readonly current: HTMLTableSectionElement | null },
): void {
  const latest = useRef({ rows, idOf, hrefOf, details, selection });
  latest.current = { rows, idOf, hrefOf, details, selection };
  const currentId = (): string | null => route().query.get(ROW);
  const move = (step: number): void => {
    const ids = latest.current.rows.map(latest.current.idOf);
    const at = ids.indexOf(currentId() ?? "");
    const next = ids[at === -1 ? 0 : Math.min(ids.length - 1, Math.max(0, at + step))];
    if (next === undefined) return;
    setQuery({ [ROW]: next });
    body.current?.querySelector(`[data-row="${CSS.escape(next)}"]`)?.scrollIntoView({ block: "nearest" });
  };
  useKeys("Table", {
    j: { text: "Next row", run: () => move(1) },
    k: { text: "Previous row", run: () => move(-1) },
    ...(selection && {
      x: {
        text: "Select or deselect the row",
        run: () => {
          const id = currentId();
          const { selection: now } = latest.current;
          if (id !== null && now) now.change(toggled(now.ids, id));
        },
      },
    }),
    ...((hrefOf ?? details) && {
      Enter: {
        text: details ? "Show or hide the details" : "Open the row",
        run: () => {
          const { rows: all, idOf: id, hrefOf: url, details: own } = latest.current;
          const row = all.find((each) => id(each) === currentId());
          if (row === undefined) return;
          if (own) own.toggle(id(row));
          else if (url) navigate(url(row));
        },
      },
    }),
  });
}

/** Shows the row of the URL once it is rendered. */
function useScrollToRow(body: { readonly current: HTMLTableSectionElement | null }, shown: number): void {
  const isDone = useRef(false);
  useLayoutEffect(() => {
    const id = route().query.get(ROW);
    if (isDone.current || id === null) return;
    const row = body.current?.querySelector(`[data-row="${CSS.escape(id)}"]`);
    if (!row) return;
    isDone.current = true;
    row.scrollIntoView({ block: "nearest" });
  }, [shown]);
}
