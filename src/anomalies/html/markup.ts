/** A piece of HTML that is safe to put into a page. */
export interface Html {
  readonly html: string;
}

/** What a template takes: text, which is escaped, markup, lists of either, or nothing. */
export type Part = string | number | Html | undefined | false | readonly Part[];

/** A template of HTML: text between the markup is escaped, markup goes in as it is. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = strings[0] ?? "";
  for (const [index, part] of parts.entries()) text += render(part) + (strings[index + 1] ?? "");
  return { html: text };
}

/** Text made safe for element content and for attributes in quotes. */
export function escapeHtml(text: string): string {
  // Characters that no document may hold are shown as the sign for what cannot be shown.
  return text
    .toWellFormed()
    .replaceAll(/\p{Cc}/gu, (control) => ("\t\n\r".includes(control) ? control : "\ufffd"))
    .replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}

function render(part: Part): string {
  if (part === undefined || part === false) return "";
  if (typeof part === "string") return escapeHtml(part);
  if (typeof part === "number") return String(part);
  if (isHtml(part)) return part.html;
  return part.map(render).join("");
}

function isHtml(part: Html | readonly Part[]): part is Html {
  return !Array.isArray(part);
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
