/** A terminal obeys control characters, and what is printed here was written elsewhere: by a gateway, or by none. */
export const printable = (text: string): string => text.replaceAll(/\p{Cc}+/gu, " ").trimEnd();
