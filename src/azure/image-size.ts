/**
 * The size of an image that stands in the body as a data URL, read from its first bytes. Only headers are read: what
 * lies about its size there is drawn in that size by every decoder.
 */

export interface ImageSize {
  readonly width: number;
  readonly height: number;
}

const dataUrl = /^data:[a-z0-9.+/-]*;base64,/i;

export const isDataUrl = (url: string): boolean => /^data:/i.test(url);

/** In base64 characters: enough for every header but a JPEG's, whose size may stand behind a camera's notes. */
const SHORT_HEADER = 64;
const LONG_HEADER = 256 * 1024;

/** Null where no size can be read. */
export function imageSize(url: string): ImageSize | null {
  const start = dataUrl.exec(url)?.[0].length;
  if (start === undefined) return null;
  const short = decoded(url, start, SHORT_HEADER);
  if (short === null) return null;
  if (!isJpeg(short)) return positive(pngSize(short) ?? gifSize(short) ?? webpSize(short));
  const long = decoded(url, start, LONG_HEADER);
  return long && positive(jpegSize(long));
}

function decoded(url: string, start: number, characters: number): DataView | null {
  // Whole groups of four, so that the cut does no harm.
  const cut = url.slice(start, start + characters);
  try {
    const binary = atob(cut);
    return new DataView(Uint8Array.from(binary, (character) => character.charCodeAt(0)).buffer);
  } catch {
    return null;
  }
}

const positive = (size: ImageSize | null): ImageSize | null =>
  size && size.width > 0 && size.height > 0 ? size : null;

const textAt = (view: DataView, at: number, length: number): string =>
  at + length > view.byteLength
    ? ""
    : String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length));

function pngSize(view: DataView): ImageSize | null {
  const isPng = textAt(view, 0, 8) === "\x89PNG\r\n\x1a\n" && textAt(view, 12, 4) === "IHDR";
  if (!isPng || view.byteLength < 24) return null;
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

function gifSize(view: DataView): ImageSize | null {
  if (!/^GIF8[79]a$/.test(textAt(view, 0, 6)) || view.byteLength < 10) return null;
  return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
}

function webpSize(view: DataView): ImageSize | null {
  if (textAt(view, 0, 4) !== "RIFF" || textAt(view, 8, 4) !== "WEBP" || view.byteLength < 30) return null;
  switch (textAt(view, 12, 4)) {
    case "VP8 ":
      return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case "VP8L": {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8X":
      return { width: uint24(view, 24) + 1, height: uint24(view, 27) + 1 };
    default:
      return null;
  }
}

const uint24 = (view: DataView, at: number): number =>
  view.getUint16(at, true) | (view.getUint8(at + 2) << 16);

const isJpeg = (view: DataView): boolean => view.byteLength >= 4 && view.getUint16(0) === 0xffd8;

/** Start-of-frame markers, whatever the coding; C4, C8 and CC are others. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;

/** From segment to segment up to the frame's. */
function jpegSize(view: DataView): ImageSize | null {
  let at = 2;
  while (at + 9 <= view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at += 1;
    } else if (isFrame(marker)) {
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    } else {
      const length = view.getUint16(at + 2);
      if (length < 2 || marker === 0xda) return null;
      at += 2 + length;
    }
  }
  return null;
}
