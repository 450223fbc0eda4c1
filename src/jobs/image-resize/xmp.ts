/**
 * Rewrites XMP as kept metadata: it corrects or omits properties about the source's pixels, whichever prefixes and
 * notation the packet uses.
 */
import { type Attr, DOMParser, type Element, XMLSerializer } from "@xmldom/xmldom";
import type { Size } from "./output-size.ts";

const TIFF = "http://ns.adobe.com/tiff/1.0/";
const EXIF = "http://ns.adobe.com/exif/1.0/";
const DUBLIN_CORE = "http://purl.org/dc/elements/1.1/";

/**
 * Namespaces without anything that is correct for an output: regions and panoramas in pixels of the source, depth and
 * gain maps, and further packets.
 */
const STALE_NAMESPACES = [
  "http://www.metadataworkinggroup.com/schemas/regions/",
  "http://ns.microsoft.com/photo/1.2/",
  "http://ns.google.com/photos/",
  "http://ns.adobe.com/hdr-gain-map/",
  "http://ns.apple.com/HDRGainMap/",
  "http://ns.adobe.com/xmp/note/",
];

/** Omitted names, by their namespace. */
const STALE_NAMES: Readonly<Record<string, RegExp>> = {
  [TIFF]:
    /^(BitsPerSample|Compression|PhotometricInterpretation|SamplesPerPixel|PlanarConfiguration|YCbCr.*|ReferenceBlackWhite|PrimaryChromaticities|WhitePoint|TransferFunction|NativeDigest)$/,
  [EXIF]:
    /^(CompressedBitsPerPixel|SubjectArea|SubjectLocation|FocalPlane.*|SpatialFrequencyResponse|CFAPattern|Gamma|MakerNote|NativeDigest)$/,
  "http://ns.adobe.com/xap/1.0/": /^Thumbnails$/,
  "http://ns.adobe.com/photoshop/1.0/": /^(ICCProfile|ColorMode)$/,
  "http://ns.adobe.com/camera-raw-settings/1.0/": /^(HasCrop|Crop.*|AlreadyApplied)$/,
  "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": /^ImageRegion$/,
};
const LOCATION = /^GPS/;

interface KeptFacts {
  readonly keepsLocation: boolean;
}

/** The part of a packet that is correct for an output; undefined if it is not XML, or if nothing is left. */
export function keptXmp(
  packet: string,
  { size, mediaType, ...kept }: { readonly size: Size; readonly mediaType: string } & KeptFacts,
): string | undefined {
  const truths: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    [TIFF]: { Orientation: "1", ImageWidth: String(size.width), ImageLength: String(size.height) },
    [EXIF]: { PixelXDimension: String(size.width), PixelYDimension: String(size.height), ColorSpace: "1" },
    [DUBLIN_CORE]: { format: mediaType },
  };
  try {
    const parser = new DOMParser({
      onError: (level, message) => {
        if (level !== "warning") throw new Error(message);
      },
    });
    const document = parser.parseFromString(packet.replace(/^\uFEFF/, "").replace(/\0+$/, ""), "text/xml");
    for (const element of [...document.getElementsByTagName("*")]) correct(element, truths, kept);
    return document.documentElement === null ? undefined : new XMLSerializer().serializeToString(document);
  } catch {
    return undefined; // a packet that cannot be read cannot be corrected either
  }
}

/** Handles both notations of XMP: a simple property may be an element or an attribute of its resource. */
function correct(
  element: Element,
  truths: Readonly<Record<string, Readonly<Record<string, string>>>>,
  kept: KeptFacts,
): void {
  const truthOf = ({ namespaceURI, localName }: Attr | Element): string | undefined =>
    truths[namespaceURI ?? ""]?.[localName ?? ""];
  for (const attribute of [...element.attributes]) {
    const truth = truthOf(attribute);
    if (isStale(attribute, kept)) element.removeAttributeNode(attribute);
    else if (truth !== undefined) attribute.value = truth;
  }
  const truth = truthOf(element);
  if (isStale(element, kept)) element.parentNode?.removeChild(element);
  else if (truth !== undefined) element.textContent = truth;
}

function isStale({ namespaceURI, localName }: Attr | Element, { keepsLocation }: KeptFacts): boolean {
  if (namespaceURI === null || localName === null) return false;
  if (STALE_NAMESPACES.some((stale) => namespaceURI.startsWith(stale))) return true;
  if (!keepsLocation && namespaceURI === EXIF && LOCATION.test(localName)) return true;
  return STALE_NAMES[namespaceURI]?.test(localName) === true;
}
