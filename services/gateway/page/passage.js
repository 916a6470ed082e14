// The side panel that shows the passage behind a citation.

import { call } from "./api.js";
import { isPdf, openDocument, openPdf } from "./document.js";
import { $, make, show } from "./dom.js";
import { apart, markedText, whyView } from "./why.js";

const GONE =
  "This passage is no longer there. Its document was deleted or changed, or you can no longer " +
  "see it.";

let shown = null; // the source in the panel
let openedBy = null;
let openedIn = null;
let newest = 0;
let onEntity = () => {};
let onProblem = () => {};

function showText({ text, title, page, start, end }, spans) {
  const place = [page ? `Page ${page}` : null, `characters ${start}–${end}`];
  const facts = [
    ...(shown.n ? [["Source", String(shown.n)]] : []),
    ...(title ? [["Section", title]] : []),
    ["Place", place.filter(Boolean).join(", ")],
  ];
  $("passage-facts").replaceChildren(
    ...facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
  );
  $("passage-text").replaceChildren(...markedText(text, spans));
  $("passage-text").hidden = false;
  $("passage-text").scrollTop = 0;
}

async function fetchText(id) {
  const turn = ++newest;
  $("passage").setAttribute("aria-busy", "true");
  try {
    const found = await call(`/v1/passages/${encodeURIComponent(id)}`);
    if (turn !== newest) return;
    showText(found, apart((found.marks ?? []).map(({ start, end }) => [start, end])));
  } catch (error) {
    if (turn !== newest) return;
    show($("passage-problem"), error.status === 404 ? GONE : error.message);
    onProblem(error);
  }
  $("passage").removeAttribute("aria-busy");
}

function clear() {
  newest += 1;
  $("passage").removeAttribute("aria-busy");
  for (const part of ["passage-title", "passage-facts", "passage-why", "passage-text"]) {
    $(part).replaceChildren();
  }
  $("passage-text").hidden = true;
  show($("passage-problem"), null);
  openedBy?.removeAttribute("aria-current");
}

// Shows the source's own text, or, for one that was kept by its ids, asks the gateway for it.
// `sources` are all of the answer, which the bars compare. A source without a number is from the
// graph and says itself what is marked.
export function openPassage(source, button, sources = [source]) {
  clear();
  shown = source;
  openedBy = button;
  openedIn = button.closest("article");
  button.setAttribute("aria-current", "true");
  $("passage-title").textContent = source.name;
  $("passage-why").replaceChildren(...[whyView(source, sources, onEntity)].filter(Boolean));
  if (source.text === undefined) fetchText(source.passage_id);
  else showText(source, source.marked ?? source.explain?.highlights ?? []);
  $("passage-document").onclick = () => openDocument(source, $("passage-document"));
  $("passage-pdf").hidden = !(isPdf(source.name) && source.page);
  $("passage-pdf").textContent = `Open the PDF at page ${source.page}`;
  $("passage-pdf").onclick = () =>
    openPdf(source, (error) => show($("passage-problem"), error.message));
  $("passage").hidden = false;
  document.body.classList.add("with-passage");
  $("passage-title").focus();
}

export function emptyPassage() {
  clear();
  $("passage").hidden = true;
  document.body.classList.remove("with-passage");
  shown = openedBy = openedIn = null;
}

// True if it was open. The focus goes back to the button that opened it, or to the one that took
// that button's place while the answer grew.
export function closePassage() {
  if ($("passage").hidden) return false;
  const opens = openedBy.dataset.opens;
  const button = openedBy.isConnected
    ? openedBy
    : openedIn?.querySelector(`[data-opens="${opens}"]`);
  emptyPassage();
  (button ?? $($("graph").hidden ? "question" : "graph-title")).focus();
  return true;
}

export function leavePassageOf(documentId) {
  if (shown?.document_id === documentId) emptyPassage();
}

// `onEntity(name)` shows a name in the graph.
export function startPassage(handlers) {
  ({ onEntity, onProblem } = handlers);
  $("close-passage").addEventListener("click", closePassage);
}
