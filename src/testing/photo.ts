/**
 * Creates a JPEG like one from a camera and an editor: rotated, with a thumbnail, a maker note, GPS coordinates,
 * regions, IPTC and a wide-gamut colour profile.
 */
import sharp from "sharp";

const EDITORS_PACKET = `<?xpacket begin="\uFEFF" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:t="http://ns.adobe.com/tiff/1.0/" xmlns:e="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
  xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:xmpNote="http://ns.adobe.com/xmp/note/"
  t:ImageWidth="800" e:GPSLatitude="52,30.0N" photoshop:ICCProfile="Display P3" xmpNote:HasExtendedXMP="0123">
  <xmp:Thumbnails><rdf:Alt><rdf:li>data-of-a-thumbnail</rdf:li></rdf:Alt></xmp:Thumbnails>
  <r:Regions xmlns:r="http://www.metadataworkinggroup.com/schemas/regions/">regions of the source</r:Regions></rdf:Description>
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/">
  <dc:creator><rdf:Seq><rdf:li>Jane</rdf:li></rdf:Seq></dc:creator><dc:format>image/x-raw</dc:format><tiff:Orientation>6</tiff:Orientation></rdf:Description>
</rdf:RDF></x:xmpmeta><?xpacket end="w"?>`;

/** The stored image has 80 × 60 pixels; viewers rotate it to 60 × 80. */
export async function photoWithEverything(): Promise<Buffer> {
  const jpeg = await sharp({ create: { width: 80, height: 60, channels: 3, background: "teal" } })
    .withIccProfile("p3")
    .jpeg()
    .toBuffer();
  const segments = [
    segment(0xe1, "Exif\0\0", camerasBlock()),
    segment(0xe1, "http://ns.adobe.com/xap/1.0/\0", Buffer.from(EDITORS_PACKET)),
    segment(0xed, "Photoshop 3.0\0", iptcBlock()),
  ];
  return Buffer.concat([jpeg.subarray(0, 2), ...segments, jpeg.subarray(2)]);
}

function segment(marker: number, label: string, data: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(2 + label.length + data.length, 2);
  return Buffer.concat([head, Buffer.from(label, "latin1"), data]);
}

function iptcBlock(): Buffer {
  const record = Buffer.concat([Buffer.from([0x1c, 2, 80, 0, 4]), Buffer.from("Jane")]);
  return Buffer.concat([
    Buffer.from("8BIM\x04\x04\0\0", "latin1"),
    Buffer.from([0, 0, 0, record.length]),
    record,
    Buffer.alloc(record.length % 2),
  ]);
}

type Field = readonly [tag: number, type: number, count: number, value: Buffer];
const short = (tag: number, value: number): Field => [tag, 3, 1, Buffer.from([value >> 8, value & 255])];
const text = (tag: number, value: string): Field => [tag, 2, value.length + 1, Buffer.from(`${value}\0`, "latin1")];
const rationals = (tag: number, ...values: number[]): Field => [
  tag,
  5,
  values.length,
  Buffer.from(values.flatMap((value) => [0, 0, value >> 8, value & 255, 0, 0, 0, 1])),
];
const pointer = (tag: number, at: number): Field => [tag, 4, 1, Buffer.from([0, 0, at >> 8, at & 255])];

/** The camera's TIFF block: big-endian, with its directories at fixed offsets. */
function camerasBlock(): Buffer {
  const block = Buffer.alloc(1_200);
  block.set(Buffer.from("MM\0*\0\0\0\x08", "latin1"));
  const [exifAt, gpsAt, secondAt, thumbnailAt] = [300, 600, 800, 1_000];
  const density = [rationals(0x011a, 300), rationals(0x011b, 300), short(0x0128, 2)];
  directory(block, 8, secondAt, [
    short(0x0100, 800),
    short(0x0112, 6),
    ...density,
    text(0x8298, "(c) Jane"),
    pointer(0x8769, exifAt),
    pointer(0x8825, gpsAt),
  ]);
  const makerNote: Field = [0x927c, 7, 20, Buffer.from("data-of-a-thumbnail\0")];
  directory(block, exifAt, 0, [
    makerNote,
    short(0xa001, 65_535),
    short(0xa002, 800),
    short(0xa003, 600),
    [0x9214, 3, 2, Buffer.from([0, 5, 0, 5])],
  ]);
  directory(block, gpsAt, 0, [text(1, "N"), rationals(2, 52, 30, 0), text(3, "E"), rationals(4, 13, 24, 0)]);
  directory(block, secondAt, 0, [short(0x0103, 6), pointer(0x0201, thumbnailAt), pointer(0x0202, 20)]);
  block.write("data-of-a-thumbnail", thumbnailAt, "latin1");
  return block;
}

function directory(block: Buffer, start: number, next: number, fields: readonly Field[]): void {
  let valuesAt = start + 2 + 12 * fields.length + 4;
  block.writeUInt16BE(fields.length, start);
  for (const [i, [tag, type, count, value]] of fields.entries()) {
    const at = start + 2 + 12 * i;
    block.writeUInt16BE(tag, at);
    block.writeUInt16BE(type, at + 2);
    block.writeUInt32BE(count, at + 4);
    if (value.length <= 4) {
      block.set(value, at + 8);
      continue;
    }
    block.writeUInt32BE(valuesAt, at + 8);
    block.set(value, valuesAt);
    valuesAt += value.length;
  }
  block.writeUInt32BE(next, start + 2 + 12 * fields.length);
}
