/**
 * The styles of a workbook (ECMA-376, part 1, 18.8): the fixed ones, and one for each number format that its cells use.
 */
import { escapeXml } from "./spreadsheet-xml.ts";

/** The fixed styles: plain cells, the header, and multi-line text. */
export const [PLAIN_STYLE, HEADER_STYLE, WRAPPED_STYLE] = [0, 1, 2] as const;
const FIRST_OF_FORMATS = 3;
/** The first id of a custom number format. */
const FIRST_FORMAT = 164;

const BASE = 'fillId="0" borderId="0" xfId="0"';
const STYLES = [
  `<xf numFmtId="0" fontId="0" ${BASE}/>`,
  `<xf numFmtId="0" fontId="1" ${BASE} applyFont="1"/>`,
  `<xf numFmtId="0" fontId="0" ${BASE} applyAlignment="1"><alignment wrapText="1"/></xf>`,
];

export class StyleTable {
  readonly #styles = new Map<string, number>();

  /** The index of the style with this number format. */
  styleOf(format: string): number {
    let style = this.#styles.get(format);
    if (style === undefined) this.#styles.set(format, (style = FIRST_OF_FORMATS + this.#styles.size));
    return style;
  }

  /** The content of the element `styleSheet`. */
  toXml(): string {
    const formats = [...this.#styles.keys()];
    const declared = formats.map(
      (format, at) => `<numFmt numFmtId="${FIRST_FORMAT + at}" formatCode="${escapeXml(format)}"/>`,
    );
    const styles = [
      ...STYLES,
      ...formats.map((_, at) => `<xf numFmtId="${FIRST_FORMAT + at}" fontId="0" ${BASE} applyNumberFormat="1"/>`),
    ];
    return (
      (declared.length === 0 ? "" : `<numFmts count="${declared.length}">${declared.join("")}</numFmts>`) +
      '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>' +
      '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>' +
      '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>' +
      `<cellXfs count="${styles.length}">${styles.join("")}</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>`
    );
  }
}
