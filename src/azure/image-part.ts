/** A part that is an image, as chat (`image_url`) and Responses (`input_image`) write it. */
import type { JsonObject } from "../kernel/json.ts";
import { isJsonObject } from "../kernel/json.ts";
import { imageSize, isDataUrl } from "./image-size.ts";
import type { PromptImage } from "./image-tokens.ts";

export interface ImagePart {
  readonly image: PromptImage;
  /** Characters of the body that are the image itself, and no text. */
  readonly inlineCharacters: number;
  /** Azure would fetch it. */
  readonly isOutside: boolean;
}

export const isImagePart = ({ type }: JsonObject): boolean => type === "image_url" || type === "input_image";

/** Null where a part holds anything else, or not what it should. */
export function readImagePart({ type, image_url, ...rest }: JsonObject): ImagePart | null {
  const written = type === "image_url" ? image_url : { ...rest, url: image_url };
  if (type === "image_url" && Object.keys(rest).length > 0) return null;
  if (!isJsonObject(written)) return null;
  const { url, detail = null, ...more } = written;
  if (Object.values(more).some((value) => value !== null)) return null;
  if (typeof url !== "string" || (detail !== null && typeof detail !== "string")) return null;
  const isInline = isDataUrl(url);
  return {
    image: { size: isInline ? imageSize(url) : null, detail },
    inlineCharacters: isInline ? url.length : 0,
    isOutside: !isInline,
  };
}
