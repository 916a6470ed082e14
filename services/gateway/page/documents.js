// The list of documents: uploads with their progress, each document's state, filters and pages.

import { call, upload, visit } from "./api.js";
import { rowOf, SETTLED, wordOf } from "./document_row.js";
import { forgetChosen, isChosen, shownNow, startSteering, steer } from "./document_steering.js";
import { $, announce, make, show } from "./dom.js";

export { SETTLED };

const BUSY_POLL_MS = 1500;
const CALM_POLL_MS = 15000;
const TYPING_MS = 250;
const AT_ONCE = 2;
const GONE = new Set(["deleting", "deleted"]);
const PAGE = 100;
const PAGE_MOST = 500;
// What the list can be narrowed by, and the field of each.
const FILTERS = { query: "filter-name", state: "filter-state", tag: "filter-tag" };
const STATES = ["accepted", "parsing", "embedding", "indexing", "ready", "rejected", "failed"];

const uploads = new Map(); // a file on its way, by a key of its own
const fresh = new Set(); // ids whose new version is not settled yet
const followed = new Set(); // ids of which the list itself shows what becomes of a person's action
const rows = new Map(); // key or document id → {element, shown}
let documents = [];
let wanted = PAGE; // how many of the list are shown
let more = false; // whether the list goes on
let listed = false; // whether this visit has seen the list
let watching = false;
let timer = null;
let newest = 0; // only the newest poll counts: an older one may not know of an upload or a delete
let handlers = {};

function filter() {
  const narrowed = new URLSearchParams();
  for (const [name, id] of Object.entries(FILTERS)) {
    const value = $(id).value.trim();
    if (value) narrowed.set(name, value);
  }
  return narrowed;
}

const isFiltered = () => filter().toString() !== "";

function dismiss(item) {
  uploads.delete(item.key);
  render();
}

function rowsOf(items) {
  const keep = new Set();
  const elements = items.map((item) => {
    const key = item.document_id ?? item.key;
    const parent = items.find((one) => one.document_id === item.parent_id);
    const shown = JSON.stringify([item, parent?.name]);
    keep.add(key);
    if (rows.get(key)?.shown !== shown) {
      const element = rowOf(item, isChosen(key), { ...steer, dismiss }, parent);
      rows.set(key, { element, shown });
    }
    return rows.get(key).element;
  });
  for (const key of rows.keys()) if (!keep.has(key)) rows.delete(key);
  return elements;
}

function render() {
  const known = new Set(documents.map((item) => item.document_id));
  const waiting = [...uploads.values()].filter((item) => !known.has(item.document_id));
  const items = [...waiting, ...documents];
  const list = $("document-list");
  const before = [...list.children];
  const at = before.findIndex((element) => element.contains(document.activeElement));
  const part = document.activeElement?.dataset.part;
  const held = [...rows.keys()].find((key) => rows.get(key).element === before[at]);
  const elements = rowsOf(items);
  const same = before.length === elements.length && elements.every((e, n) => before[n] === e);
  if (!same) list.replaceChildren(...elements);
  // The focus stays on its document, or goes to the one that took its place, or to the heading.
  if (at >= 0 && !list.contains(document.activeElement)) {
    const row = rows.get(held)?.element ?? elements[at];
    const control = row?.querySelector(`[data-part="${part}"]`) ?? row?.querySelector(".remove");
    (control ?? $("documents-title")).focus();
  }
  const filtered = isFiltered();
  $("document-filter").hidden = !items.length && !filtered;
  $("document-count").textContent = items.length ? `${items.length}${more ? "+" : ""}` : "";
  show($("documents-none"), filtered && listed && !items.length ? "No document matches." : null);
  $("documents-more").hidden = !more;
  shownNow(documents);
  const problem = $("documents-problem").textContent;
  // A narrowed list says nothing of all documents.
  if (!filtered) handlers.onChange(items, listed || !problem ? null : problem);
}

export function readyCount() {
  return documents.filter((item) => item.status === "ready").length;
}

// As many pages as are shown.
async function pagesNow() {
  const found = [];
  let after = null;
  do {
    const asked = filter();
    asked.set("limit", Math.min(PAGE_MOST, wanted - found.length));
    if (after) asked.set("after", after);
    const page = await call(`/v1/documents?${asked}`);
    found.push(...page.documents);
    after = page.next;
  } while (after && found.length < wanted);
  return { found, goesOn: Boolean(after) };
}

// The list shows the settled versions. The state of a fresh upload comes from its own address.
async function listedNow() {
  const filtered = isFiltered();
  const { found, goesOn } = await pagesNow();
  const byId = new Map(found.map((item) => [item.document_id, item]));
  const asked = [...fresh].map((id) => call(`/v1/documents/${id}`).catch(() => null));
  const states = new Map();
  for (const item of await Promise.all(asked)) if (item) states.set(item.document_id, item);
  for (const [id, item] of states) if (byId.has(id) || !filtered) byId.set(id, item);
  return { byId, states, goesOn };
}

function tellSettled(ids, known) {
  for (const id of ids) {
    const item = known.get(id);
    if (!item || !SETTLED.has(item.status)) continue;
    ids.delete(id);
    const word = item.status === "deleted" ? "Deleted" : wordOf(item.status);
    announce(`${item.name}: ${word}. ${item.error?.message ?? ""}`);
  }
}

function take({ byId, states, goesOn }) {
  tellSettled(fresh, states);
  tellSettled(followed, byId);
  for (const [key, item] of uploads) {
    if (byId.has(item.document_id) || states.has(item.document_id)) uploads.delete(key);
  }
  documents = [...byId.values()].filter((item) => !GONE.has(item.status));
  more = goesOn;
  listed = true;
}

// Asks for the list now, and from then on again and again until 401 or 403.
export async function poll() {
  clearTimeout(timer);
  const turn = ++newest;
  watching = true;
  try {
    const now = await listedNow();
    if (turn !== newest) return;
    show($("documents-problem"), null);
    take(now);
    handlers.onAccepted();
  } catch (error) {
    if (turn !== newest) return;
    watching = error.status !== 401 && error.status !== 403;
    show($("documents-problem"), error.message);
    // The gateway checks the token before it asks a service.
    if (error.code === "unavailable") handlers.onAccepted();
    handlers.onProblem(error);
    if (turn !== newest) return;
  }
  render();
  if (!watching) return;
  const busy = fresh.size || documents.some((item) => !SETTLED.has(item.status));
  timer = setTimeout(poll, busy ? BUSY_POLL_MS : CALM_POLL_MS);
}

async function send(item, file) {
  const here = visit();
  try {
    const accepted = await upload(file, (progress) => {
      item.progress = progress;
      render();
    });
    Object.assign(item, accepted, { progress: undefined });
    fresh.add(item.document_id);
  } catch (error) {
    if (here.aborted) return;
    item.status = "rejected";
    item.progress = undefined;
    item.error = { code: error.code, message: error.message };
    announce(`${item.name}: ${error.message}`);
    handlers.onProblem(error);
  }
  if (!here.aborted) render();
}

export async function add(files) {
  const here = visit();
  const queue = files.map((file) => {
    const key = crypto.randomUUID?.() ?? `${file.name}-${Math.random()}`;
    const item = { key, name: file.name, status: "uploading", progress: 0 };
    uploads.set(key, item);
    return [item, file];
  });
  render();
  const work = async () => {
    for (let next = queue.shift(); next && !here.aborted; next = queue.shift()) await send(...next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  if (watching && !here.aborted) await poll();
}

// After a person's action on a document of the list; `item` is null when it is gone.
function acted(documentId, item) {
  if (item) {
    followed.add(documentId);
    documents = documents.map((other) => (other.document_id === documentId ? item : other));
  } else {
    documents = documents.filter((other) => other.document_id !== documentId);
    for (const [key, other] of uploads) if (other.document_id === documentId) uploads.delete(key);
    fresh.delete(documentId);
    followed.delete(documentId);
    handlers.onDeleted(documentId);
  }
  render();
}

export function emptyDocuments() {
  newest += 1;
  clearTimeout(timer);
  watching = listed = more = false;
  documents = [];
  wanted = PAGE;
  uploads.clear();
  fresh.clear();
  followed.clear();
  forgetChosen();
  for (const id of Object.values(FILTERS)) $(id).value = "";
  show($("documents-problem"), null);
  render();
}

function startFilter() {
  let typing = null;
  const ask = () => {
    wanted = PAGE;
    if (watching) poll();
  };
  const form = $("document-filter");
  form.addEventListener("input", (event) => {
    if (!Object.values(FILTERS).includes(event.target.id)) return;
    clearTimeout(typing);
    typing = setTimeout(ask, TYPING_MS);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  const options = STATES.map((state) => make("option", { value: state }, wordOf(state)));
  $("filter-state").append(...options);
  $("documents-more").addEventListener("click", () => {
    wanted += PAGE;
    poll();
  });
}

// onAccepted(): the gateway took the token; onChange(items, problem): what is listed, or why
// nothing is; onDeleted(documentId).
export function startDocuments(given) {
  handlers = given;
  startFilter();
  startSteering({
    acted,
    onProblem: (error) => handlers.onProblem(error),
    rowOfId: (id) => rows.get(id)?.element,
    poll: async () => watching && poll(),
  });
  document.addEventListener("visibilitychange", () => {
    if (watching && document.visibilityState === "visible") poll();
  });
}
