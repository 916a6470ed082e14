// The view of the knowledge graph: a name, the related names, and the passages that connect them.

import { call } from "./api.js";
import { $, announce, make, show, tooLong } from "./dom.js";
import { draw } from "./graph_drawing.js";
import { closePassage, openPassage } from "./passage.js";
import { apart, markedText } from "./why.js";

const SNIPPET = 320;
const BEFORE = 90;
const FIRST = 6;
// As in contracts/retrieval/graph.py.
const NAME_MAX = 200;
const UNNAMED = "Knowledge graph";

let view = null;
let current = null;
let trail = [];
let openedBy = null;
let newest = 0;
let onProblem = () => {};

// For each relation its heading and names, in the order of the drawing.
function groups() {
  const asked = view.entity.written;
  return [
    ["named by", `They name ${asked}`],
    ["names each other", "Each names the other"],
    ["same as", "Described together"],
    ["names", `${asked} names them`],
  ]
    .map(([relation, title]) => ({
      relation,
      title,
      entities: view.entities.filter((entity) => entity.relation === relation),
    }))
    .filter((group) => group.entities.length);
}

function passagesOf(entity) {
  const edges = view.edges.filter(({ source, target }) => [source, target].includes(entity.name));
  const ids = new Set(edges.flatMap((edge) => edge.passages));
  const all = edges.reduce((sum, edge) => sum + edge.evidence, 0);
  return { all, held: view.passages.filter((passage) => ids.has(passage.passage_id)) };
}

function counted(number, word) {
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}

function spansOf(passage, names) {
  const marks = passage.marks.filter(({ name }) => names.includes(name));
  return apart(marks.map(({ start, end }) => [start, end]));
}

function snippet(passage, spans, about) {
  const letters = Array.from(passage.text);
  const wanted = passage.marks.find((mark) => mark.name === about)?.start ?? spans[0]?.[0] ?? 0;
  const start = letters.length > SNIPPET ? Math.max(0, wanted - BEFORE) : 0;
  const end = Math.min(letters.length, start + SNIPPET);
  const inside = spans
    .filter((span) => span[0] >= start && span[1] <= end)
    .map((span) => span.map((at) => at - start));
  return [
    start ? "… " : "",
    ...markedText(letters.slice(start, end).join(""), inside),
    end < letters.length ? " …" : "",
  ];
}

function evidenceItem(passage, names) {
  const spans = spansOf(passage, names);
  const page = passage.page ? ` · p. ${passage.page}` : "";
  const button = make("button", {
    type: "button",
    className: "source",
    "aria-label": `Open the passage from ${passage.name}${page}`,
  });
  button.append(make("span", { className: "name" }, `${passage.name}${page}`));
  button.addEventListener("click", () => openPassage({ ...passage, marked: spans }, button));
  const text = make("p", {}, ...snippet(passage, spans, names.at(-1)));
  return make("li", {}, button, text);
}

function showEvidence(entity) {
  current = entity;
  const asked = view.entity;
  let title = `Passages with ${asked.written}`;
  let passages = view.passages;
  if (entity) {
    const { all, held } = passagesOf(entity);
    const some = held.length < all ? `${held.length} of ` : "";
    title = `${asked.written} and ${entity.written}: ${some}${counted(all, "passage")}`;
    passages = held;
  }
  $("evidence-title").textContent = title;
  const names = [asked.name, ...(entity ? [entity.name] : [])];
  const items = passages.map((passage) => evidenceItem(passage, names));
  $("evidence").replaceChildren(...items.slice(0, FIRST));
  $("more-evidence").hidden = items.length <= FIRST;
  $("more-evidence").textContent = `Show ${items.length - FIRST} more`;
  $("more-evidence").onclick = () => {
    $("more-evidence").hidden = true;
    $("evidence").append(...items.slice(FIRST));
    items[FIRST].querySelector("button").focus();
  };
  for (const button of $("graph-list").querySelectorAll(".ties")) {
    button.setAttribute("aria-pressed", String(button.dataset.name === entity?.name));
  }
  redraw();
}

function pick(entity) {
  showEvidence(entity);
  $("evidence-title").focus({ preventScroll: true });
  $("evidence-title").scrollIntoView({ block: "nearest" });
  announce($("evidence-title").textContent);
}

function row(entity) {
  const { all } = passagesOf(entity);
  const go = make("button", { type: "button", className: "quiet go" }, entity.written);
  go.addEventListener("click", () => load(entity.name));
  const ties = make("button", {
    type: "button",
    className: "quiet ties",
    textContent: counted(all, "passage"),
    "aria-label": `${counted(all, "passage")} with ${view.entity.written} and ${entity.written}`,
  });
  ties.dataset.name = entity.name;
  ties.addEventListener("click", () => pick(entity));
  const item = make("li", {}, go, ties);
  for (const [event, name] of [
    ["pointerenter", entity.name],
    ["focusin", entity.name],
    ["pointerleave", null],
    ["focusout", null],
  ]) {
    item.addEventListener(event, () => point(name));
  }
  return item;
}

// Highlights in the drawing the name that is pointed at in the list.
function point(name) {
  for (const node of $("graph-drawing").querySelectorAll("[data-name]")) {
    node.classList.toggle("pointed", node.dataset.name === name);
  }
}

function showList() {
  const parts = groups().flatMap(({ relation, title, entities }) => [
    make("h3", { className: "relation", "data-relation": relation }, title),
    make("ul", {}, ...entities.map(row)),
  ]);
  if (view.left_out) {
    const more = `The list leaves out ${counted(view.left_out, "weaker name")}.`;
    parts.push(make("p", { className: "small" }, more));
  }
  if (!parts.length) {
    parts.push(make("p", { className: "small" }, "Your documents connect no other name with it."));
  }
  $("graph-list").replaceChildren(...parts);
  $("graph-legend").replaceChildren(
    ...groups().map(({ relation, title }) =>
      make("span", { className: "relation", "data-relation": relation }, title),
    ),
  );
}

function redraw() {
  if (!view || $("graph").hidden) return;
  const order = groups().flatMap((group) => group.entities);
  draw($("graph-drawing"), { center: view.entity, around: order, current: current?.name }, {
    onName: (entity) => load(entity.name),
    onTie: pick,
  });
}

function showView() {
  show($("graph-problem"), null);
  $("graph-hint").hidden = true;
  $("graph-body").hidden = false;
  $("graph-title").textContent = view.entity.written;
  showList();
  showEvidence(null);
  $("graph").scrollTop = 0;
  $("graph-title").focus({ preventScroll: true });
  announce(`${view.entity.written}: ${counted(view.entities.length, "related name")}`);
}

async function load(name, remember = true) {
  const turn = ++newest;
  $("graph").setAttribute("aria-busy", "true");
  try {
    const found = await call(`/v1/graph?${new URLSearchParams({ entity: name })}`);
    if (turn !== newest) return;
    view = found;
    if (remember && trail.at(-1) !== view.entity.name) trail.push(view.entity.name);
    $("graph-back").hidden = trail.length < 2;
    $("graph-entity").value = "";
    showView();
  } catch (error) {
    if (turn !== newest) return;
    show($("graph-problem"), error.message);
    onProblem(error);
  } finally {
    if (turn === newest) $("graph").removeAttribute("aria-busy");
  }
}

function back() {
  if (trail.length < 2) return;
  trail.pop();
  load(trail.at(-1), false);
}

// Shows the graph instead of the conversation. Without a name the reader types one.
export function openGraph(name) {
  closePassage();
  openedBy = document.activeElement;
  $("graph").hidden = false;
  $("chat").hidden = true;
  $("show-graph").setAttribute("aria-expanded", "true");
  if (name) load(name);
  else {
    redraw();
    $("graph-entity").focus();
  }
}

function hide() {
  $("graph").hidden = true;
  $("chat").hidden = false;
  $("show-graph").setAttribute("aria-expanded", "false");
}

// True if it was open.
export function closeGraph() {
  if ($("graph").hidden) return false;
  hide();
  (openedBy?.isConnected && openedBy !== document.body ? openedBy : $("show-graph")).focus();
  return true;
}

export function emptyGraph() {
  newest += 1;
  hide();
  view = current = openedBy = null;
  trail = [];
  $("graph").removeAttribute("aria-busy");
  $("graph-entity").value = "";
  $("graph-title").textContent = UNNAMED;
  $("graph-body").hidden = $("graph-back").hidden = true;
  $("graph-hint").hidden = false;
  show($("graph-problem"), null);
  const parts = ["graph-drawing", "graph-list", "graph-legend", "evidence-title", "evidence"];
  for (const part of parts) $(part).replaceChildren();
  $("more-evidence").onclick = null;
}

// Leaves out the passages of a deleted document.
export function removeEvidence(documentId) {
  if (!view) return;
  view.passages = view.passages.filter((passage) => passage.document_id !== documentId);
  showEvidence(current);
}

export function startGraph(handlers) {
  onProblem = handlers.onProblem;
  $("show-graph").addEventListener("click", () => {
    if ($("graph").hidden) openGraph(null);
    else closeGraph();
  });
  $("close-graph").addEventListener("click", closeGraph);
  $("graph-back").addEventListener("click", back);
  $("graph-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = $("graph-entity").value.trim();
    const problem = tooLong("name", name, NAME_MAX);
    if (problem) show($("graph-problem"), problem);
    else if (name) load(name);
  });
  new ResizeObserver(redraw).observe($("graph-drawing"));
}
