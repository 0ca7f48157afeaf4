/** How long a file of uncompressed sound is (RIFF WAVE); undefined where it is none. */

export function wavSeconds(bytes: Uint8Array): number | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.byteLength < 12 || letters(view, 0) !== "RIFF" || letters(view, 8) !== "WAVE") return undefined;
  let bytesPerSecond = 0;
  for (let at = 12; at + 8 <= view.byteLength; ) {
    const chunk = letters(view, at);
    const length = view.getUint32(at + 4, true);
    if (chunk === "fmt ") bytesPerSecond = view.getUint32(at + 16, true);
    // Sound that was announced and did not come is not heard.
    if (chunk === "data") return Math.min(length, view.byteLength - at - 8) / bytesPerSecond;
    at += 8 + length + (length % 2);
  }
  return 0;
}

const letters = (view: DataView, at: number): string =>
  String.fromCharCode(...[0, 1, 2, 3].map((index) => view.getUint8(at + index)));
