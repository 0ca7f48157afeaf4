/** Silence as a file of sound (RIFF WAVE, 16 bits, one channel): the least that a model which listens can be given. */

const SAMPLES_PER_SECOND = 8_000;
const BYTES_PER_SAMPLE = 2;
const HEADER_BYTES = 44;

export function silentWav(seconds: number): Uint8Array {
  const soundBytes = Math.round(seconds * SAMPLES_PER_SECOND) * BYTES_PER_SAMPLE;
  const bytes = new Uint8Array(HEADER_BYTES + soundBytes);
  const view = new DataView(bytes.buffer);
  const word = (at: number, letters: string) => {
    for (const [index, letter] of [...letters].entries()) bytes[at + index] = letter.charCodeAt(0);
  };
  word(0, "RIFF");
  view.setUint32(4, bytes.length - 8, true);
  word(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  // PCM, one channel.
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, SAMPLES_PER_SECOND, true);
  view.setUint32(28, SAMPLES_PER_SECOND * BYTES_PER_SAMPLE, true);
  view.setUint16(32, BYTES_PER_SAMPLE, true);
  view.setUint16(34, BYTES_PER_SAMPLE * 8, true);
  word(36, "data");
  view.setUint32(40, soundBytes, true);
  return bytes;
}
