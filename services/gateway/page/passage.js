// The side panel that shows the passage behind a citation.

import { $, make } from "./dom.js";
import { markedText, whyView } from "./why.js";

let openedBy = null;

// `sources` are all of the answer, which the bars compare.
export function openPassage(source, button, sources = [source]) {
  openedBy?.removeAttribute("aria-current");
  openedBy = button;
  button.setAttribute("aria-current", "true");
  $("passage-title").textContent = source.name;
  const place = source.page ? `Page ${source.page}` : null;
  const facts = [
    ["Source", String(source.n)],
    ["Place", [place, `characters ${source.start}–${source.end}`].filter(Boolean).join(", ")],
  ];
  $("passage-facts").replaceChildren(
    ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
  );
  $("passage-why").replaceChildren(...[whyView(source, sources)].filter(Boolean));
  $("passage-text").replaceChildren(...markedText(source));
  $("passage").hidden = false;
  document.body.classList.add("with-passage");
  $("passage-text").scrollTop = 0;
  $("passage-title").focus();
}

export function closePassage() {
  if ($("passage").hidden) return;
  $("passage").hidden = true;
  document.body.classList.remove("with-passage");
  openedBy?.removeAttribute("aria-current");
  openedBy?.focus();
  openedBy = null;
}

export function startPassage() {
  $("close-passage").addEventListener("click", closePassage);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closePassage();
  });
}
