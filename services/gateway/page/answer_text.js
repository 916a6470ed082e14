// Renders an answer: paragraphs, lists, headings, code, bold, and [n] as buttons.

import { make } from "./dom.js";

// A number in brackets right after a word is an index, such as args[0], and no citation.
const INLINE = /(\*\*[^*\n]+\*\*|`[^`\n]+`|(?<![A-Za-z0-9_)])\[\d{1,4}\])/;
const BULLET = /^\s*[-*•]\s+/;
const NUMBERED = /^\s*\d+[.)]\s+/;
const HEADING = /^#{1,6}\s+/;

function inline(text, sourceOf, open) {
  return text.split(INLINE).map((part) => {
    if (/^\*\*.+\*\*$/.test(part)) return make("strong", {}, part.slice(2, -2));
    if (/^`.+`$/.test(part)) return make("code", {}, part.slice(1, -1));
    const source = /^\[\d+\]$/.test(part) ? sourceOf(Number(part.slice(1, -1))) : null;
    return source ? citation(source, open) : part;
  });
}

function citation(source, open) {
  const page = source.page ? `, page ${source.page}` : "";
  const button = make("button", {
    type: "button",
    className: "cite",
    textContent: String(source.n),
    title: `${source.name}${page}`,
    "aria-label": `Source ${source.n}: ${source.name}${page}`,
  });
  button.dataset.opens = `cite ${source.n}`;
  button.addEventListener("click", () => open(source, button));
  return button;
}

function listOf(lines, marker, tag, sourceOf, open) {
  const items = lines.map((line) =>
    make("li", {}, ...inline(line.replace(marker, ""), sourceOf, open)),
  );
  return make(tag, {}, ...items);
}

function block(lines, sourceOf, open) {
  if (lines.every((line) => BULLET.test(line))) return listOf(lines, BULLET, "ul", sourceOf, open);
  if (lines.every((line) => NUMBERED.test(line))) {
    const list = listOf(lines, NUMBERED, "ol", sourceOf, open);
    list.start = parseInt(lines[0], 10) || 1;
    return list;
  }
  if (lines.length === 1 && HEADING.test(lines[0])) {
    return make("h3", {}, ...inline(lines[0].replace(HEADING, ""), sourceOf, open));
  }
  const parts = lines.flatMap((line, n) => [
    ...(n ? [make("br")] : []),
    ...inline(line, sourceOf, open),
  ]);
  return make("p", {}, ...parts);
}

function kindOf(line) {
  if (BULLET.test(line)) return "bullet";
  if (NUMBERED.test(line)) return "numbered";
  return HEADING.test(line) ? "heading" : "text";
}

// A block is a run of lines of one kind. A blank line ends it.
function blocksOf(text) {
  const blocks = [];
  let kind = null;
  for (const line of text.split("\n")) {
    const next = line.trim() ? kindOf(line) : null;
    if (next === null) kind = null;
    else if (next === kind && kind !== "heading") blocks.at(-1).push(line);
    else blocks.push([line]);
    kind = next;
  }
  return blocks;
}

export function renderAnswer(text, sources, open) {
  const sourceOf = (n) => sources.find((source) => source.n === n) ?? null;
  const nodes = [];
  text.split("```").forEach((part, n) => {
    if (n % 2) {
      nodes.push(make("pre", {}, make("code", {}, part.replace(/^\w*\n/, "").trimEnd())));
      return;
    }
    nodes.push(...blocksOf(part).map((lines) => block(lines, sourceOf, open)));
  });
  return nodes;
}
