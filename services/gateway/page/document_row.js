// A document as a row of the list: its state and progress, what went wrong, what can be done.

import { nameOf } from "./document.js";
import { make } from "./dom.js";

export const SETTLED = new Set(["ready", "rejected", "failed", "deleting", "deleted"]);
const WORDS = {
  uploading: "Uploading",
  accepted: "Waiting",
  parsing: "Reading",
  embedding: "Embedding",
  indexing: "Indexing",
  ready: "Ready",
  rejected: "Rejected",
  failed: "Failed",
  deleting: "Deleting",
};
// What a person may do in which state, as in contracts/ingestion/life_cycle.py.
const MAY = {
  retry: new Set(["rejected", "failed"]),
  cancel: new Set(["accepted", "parsing", "embedding"]),
  reindex: new Set(["ready"]),
};
const LABELS = { retry: "Retry", cancel: "Cancel", reindex: "Reindex" };

export function wordOf(status) {
  return WORDS[status] ?? "In progress";
}

export function may(action, item) {
  if (!item.document_id) return false;
  return action === "delete" || MAY[action].has(item.status);
}

const seconds = (number) => `${number < 10 ? number.toFixed(1) : Math.round(number)} s`;

// `parent` is the archive or mail that it came in, if that is listed.
function details(item, parent) {
  if (item.error) return item.error.message || "The system could not read this file.";
  if (item.waiting_for) return item.waiting_for;
  if (item.status !== "ready") return item.attempts > 1 ? `Attempt ${item.attempts}` : "";
  const { chunks, pages } = item.counts;
  const counted = (n, word) => (n ? `${n} ${word}${n === 1 ? "" : "s"}` : null);
  const spent = Object.values(item.stages ?? {}).reduce((sum, one) => sum + one, 0);
  const cost = item.cost_usd ? `$${item.cost_usd.toPrecision(2)}` : null;
  const held = [counted(pages, "page"), counted(chunks, "passage"), counted(item.parts, "file")];
  const facts = [...held, parent && `from ${parent.name}`, spent && seconds(spent), cost];
  return [facts.filter(Boolean).join(", "), item.note].filter(Boolean).join(". ");
}

function stagesOf(item) {
  const stages = Object.entries(item.stages ?? {});
  return stages.map(([stage, spent]) => `${stage} ${seconds(spent)}`).join(", ");
}

function button(part, label, text, onClick) {
  const made = make("button", { type: "button", className: `quiet ${part}`, title: label }, text);
  made.dataset.part = part;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", onClick);
  return made;
}

function chooser(item, chosen, onChoose) {
  const box = make("input", { type: "checkbox", className: "choose", checked: chosen });
  box.dataset.part = "choose";
  box.setAttribute("aria-label", `Choose ${item.name}`);
  box.addEventListener("change", () => onChoose(item, box.checked));
  return box;
}

function progressOf(item) {
  if (item.progress === null || item.progress === undefined) return null;
  const bar = make("progress", { max: 100, value: Math.round(item.progress * 100) });
  bar.setAttribute("aria-label", `${wordOf(item.status)} ${item.name}`);
  return bar;
}

function removerOf(item, on) {
  if (item.status === "uploading") return null;
  const [word, remove] = item.document_id ? ["Delete", on.remove] : ["Dismiss", on.dismiss];
  return button("remove", `${word} ${item.name}`, "×", () => remove(item));
}

// `on` are choose(item, checked), act(action, item), remove(item), dismiss(item).
export function rowOf(item, chosen, on, parent) {
  const state = make("span", { className: `state ${item.status}` }, wordOf(item.status));
  if (!SETTLED.has(item.status) && item.status !== "uploading") state.classList.add("busy");
  const more = make("span", { className: "small details", title: stagesOf(item) }, details(item, parent));
  const actions = Object.keys(MAY).filter((action) => may(action, item));
  const buttons = actions.map((action) =>
    button(action, `${LABELS[action]} ${item.name}`, LABELS[action], () => on.act(action, item)),
  );
  return make(
    "li",
    { className: item.error ? "document troubled" : "document" },
    item.document_id ? chooser(item, chosen, on.choose) : make("span"),
    nameOf(item),
    state,
    removerOf(item, on),
    progressOf(item),
    more.textContent || buttons.length
      ? make("span", { className: "second" }, more, ...buttons)
      : null,
  );
}
