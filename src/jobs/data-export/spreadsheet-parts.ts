/** The parts of an .xlsx besides its rows (ECMA-376, part 1, 12.3 and part 2, 9). */
import { at } from "../../core/at.ts";
import type { StyleTable } from "./spreadsheet-style.ts";
import { escapeXml } from "./spreadsheet-xml.ts";

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/** The beginning of a sheet, before its rows. The header stays visible. @param widths of the columns, in characters */
export function sheetHead(widths: readonly number[]): string {
  const pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>';
  const columns = widths
    .map((width, at) => `<col min="${at + 1}" max="${at + 1}" width="${width}" customWidth="1"/>`)
    .join("");
  return (
    `${XML}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0">${pane}</sheetView></sheetViews>` +
    `${columns === "" ? "" : `<cols>${columns}</cols>`}<sheetData>`
  );
}
export const SHEET_TAIL = "</sheetData></worksheet>";

/** The name and XML of each part; the sheets are `xl/worksheets/sheet1.xml` and so on. */
export function packageParts(sheetNames: readonly string[], styles: StyleTable): [name: string, xml: string][] {
  const numbers = sheetNames.map((_, index) => index + 1);
  const relationship = (id: number, type: string, target: string): string =>
    `<Relationship Id="rId${id}" Type="${RELATIONSHIPS}/${type}" Target="${target}"/>`;
  const override = (part: string, type: string): string =>
    `<Override PartName="/xl/${part}.xml" ContentType="${CONTENT}.${type}+xml"/>`;
  return [
    [
      "[Content_Types].xml",
      `${XML}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
        `<Default Extension="xml" ContentType="application/xml"/>${override("workbook", "sheet.main")}${override("styles", "styles")}` +
        `${numbers.map((n) => override(`worksheets/sheet${n}`, "worksheet")).join("")}</Types>`,
    ],
    [
      "_rels/.rels",
      `${XML}<Relationships xmlns="${PACKAGE}/relationships">${relationship(1, "officeDocument", "xl/workbook.xml")}</Relationships>`,
    ],
    [
      "xl/workbook.xml",
      `${XML}<workbook xmlns="${MAIN}" xmlns:r="${RELATIONSHIPS}"><bookViews><workbookView/></bookViews><sheets>` +
        `${numbers.map((n) => `<sheet name="${escapeXml(at(sheetNames, n - 1))}" sheetId="${n}" r:id="rId${n}"/>`).join("")}</sheets></workbook>`,
    ],
    [
      "xl/_rels/workbook.xml.rels",
      `${XML}<Relationships xmlns="${PACKAGE}/relationships">${numbers.map((n) => relationship(n, "worksheet", `worksheets/sheet${n}.xml`)).join("")}` +
        `${relationship(sheetNames.length + 1, "styles", "styles.xml")}</Relationships>`,
    ],
    ["xl/styles.xml", `${XML}<styleSheet xmlns="${MAIN}">${styles.toXml()}</styleSheet>`],
  ];
}
