/** The parts of an .xlsx beside its rows (ECMA-376, part 1, 12.3 and part 2, 9). */
import { escapeXml } from "./spreadsheet-cell.ts";
import type { TableColumn } from "./table.ts";

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONSHIPS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE = "http://schemas.openxmlformats.org/package/2006";
const CONTENT = "application/vnd.openxmlformats-officedocument.spreadsheetml";
/** The first number of a format that is not built in. */
const FIRST_FORMAT = 164;

/** The header stays in sight. */
export const SHEET_HEAD =
  `${XML}<worksheet xmlns="${MAIN}"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>` +
  "</sheetView></sheetViews><sheetData>";
export const SHEET_TAIL = "</sheetData></worksheet>";

/** Each format of a table once. Style 0 has none of them, style n the one before it. */
export function numberFormatsOf(columns: readonly TableColumn[]): string[] {
  return [...new Set(columns.flatMap(({ numberFormat }) => (numberFormat === undefined ? [] : [numberFormat])))];
}

/** Name and XML of each part; the sheets are `xl/worksheets/sheet1.xml` and so on. */
export function packageParts(sheets: number, numberFormats: readonly string[]): [name: string, xml: string][] {
  const numbers = Array.from({ length: sheets }, (_, index) => index + 1);
  const relationship = (id: number, type: string, target: string): string => `<Relationship Id="rId${id}" Type="${RELATIONSHIPS}/${type}" Target="${target}"/>`;
  const override = (part: string, type: string): string => `<Override PartName="/xl/${part}.xml" ContentType="${CONTENT}.${type}+xml"/>`;
  return [
    [
      "[Content_Types].xml",
      `${XML}<Types xmlns="${PACKAGE}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
        `<Default Extension="xml" ContentType="application/xml"/>${override("workbook", "sheet.main")}${override("styles", "styles")}` +
        `${numbers.map((n) => override(`worksheets/sheet${n}`, "worksheet")).join("")}</Types>`,
    ],
    ["_rels/.rels", `${XML}<Relationships xmlns="${PACKAGE}/relationships">${relationship(1, "officeDocument", "xl/workbook.xml")}</Relationships>`],
    [
      "xl/workbook.xml",
      `${XML}<workbook xmlns="${MAIN}" xmlns:r="${RELATIONSHIPS}"><bookViews><workbookView/></bookViews><sheets>` +
        `${numbers.map((n) => `<sheet name="Sheet${n}" sheetId="${n}" r:id="rId${n}"/>`).join("")}</sheets></workbook>`,
    ],
    [
      "xl/_rels/workbook.xml.rels",
      `${XML}<Relationships xmlns="${PACKAGE}/relationships">${numbers.map((n) => relationship(n, "worksheet", `worksheets/sheet${n}.xml`)).join("")}` +
        `${relationship(sheets + 1, "styles", "styles.xml")}</Relationships>`,
    ],
    ["xl/styles.xml", stylesXml(numberFormats)],
  ];
}

function stylesXml(numberFormats: readonly string[]): string {
  const declared = numberFormats.map((format, at) => `<numFmt numFmtId="${FIRST_FORMAT + at}" formatCode="${escapeXml(format).replaceAll('"', "&quot;")}"/>`);
  const styles = numberFormats.map((_, at) => `<xf numFmtId="${FIRST_FORMAT + at}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>`);
  return (
    `${XML}<styleSheet xmlns="${MAIN}">${declared.length === 0 ? "" : `<numFmts count="${declared.length}">${declared.join("")}</numFmts>`}` +
    '<fonts count="1"><font><sz val="11"/><name val="Calibri"/></font></fonts>' +
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>' +
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>' +
    `<cellXfs count="${styles.length + 1}"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>${styles.join("")}</cellXfs></styleSheet>`
  );
}
