// The side panel that shows the passage behind a citation.

import { $, make } from "./dom.js";
import { markedText, whyView } from "./why.js";

let openedBy = null;
let onEntity = () => {};

// `sources` are all of the answer, which the bars compare. What no answer cites has no number, and
// says itself what is marked.
export function openPassage(source, button, sources = [source]) {
  openedBy?.removeAttribute("aria-current");
  openedBy = button;
  button.setAttribute("aria-current", "true");
  $("passage-title").textContent = source.name;
  const place = source.page ? `Page ${source.page}` : null;
  const facts = [
    ...(source.n ? [["Source", String(source.n)]] : []),
    ["Place", [place, `characters ${source.start}–${source.end}`].filter(Boolean).join(", ")],
  ];
  $("passage-facts").replaceChildren(
    ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
  );
  $("passage-why").replaceChildren(...[whyView(source, sources, onEntity)].filter(Boolean));
  const spans = source.marked ?? source.explain?.highlights ?? [];
  $("passage-text").replaceChildren(...markedText(source.text, spans));
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

// `onEntity(name)` shows a name in the graph.
export function startPassage(handlers) {
  onEntity = handlers.onEntity;
  $("close-passage").addEventListener("click", closePassage);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") closePassage();
  });
}
