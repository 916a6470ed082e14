// The list of documents: uploads with their progress, each document's state, and delete.

import { call, upload, visit } from "./api.js";
import { $, announce, make, show } from "./dom.js";

const BUSY_POLL_MS = 1500;
const CALM_POLL_MS = 15000;
const AT_ONCE = 2;
export const SETTLED = new Set(["ready", "rejected", "failed", "deleted"]);
const WORDS = {
  uploading: "Uploading",
  accepted: "Waiting",
  processing: "Reading",
  indexing: "Indexing",
  ready: "Ready",
  rejected: "Rejected",
  failed: "Failed",
};

const uploads = new Map(); // a file on its way, by a key of its own
const fresh = new Set(); // ids whose new version is not settled yet
const rows = new Map(); // key or document id → {element, shown}
let documents = [];
let listed = false; // whether this visit has seen the list
let watching = false;
let timer = null;
let newest = 0; // only the newest poll counts: an older one may not know of an upload or a delete
let handlers = {};

function details(item) {
  if (item.error) return item.error.message || "The system could not read this file.";
  if (item.status !== "ready") return "";
  const { chunks, pages } = item.counts;
  const counted = (n, word) => (n ? `${n} ${word}${n === 1 ? "" : "s"}` : null);
  return [counted(pages, "page"), counted(chunks, "passage")].filter(Boolean).join(", ");
}

function remover(item) {
  if (item.status === "uploading") return null;
  const label = `${item.document_id ? "Delete" : "Dismiss"} ${item.name}`;
  const button = make("button", { type: "button", className: "quiet remove", title: label }, "×");
  button.setAttribute("aria-label", label);
  button.addEventListener("click", () => (item.document_id ? confirmDelete : dismiss)(item));
  return button;
}

function dismiss(item) {
  uploads.delete(item.key);
  render();
}

function rowOf(item) {
  const percent = Math.round((item.progress ?? 0) * 100);
  const busy = !SETTLED.has(item.status) && item.status !== "uploading";
  const word = WORDS[item.status] ?? "In progress";
  const state = make("span", { className: `state ${item.status}` }, word);
  if (busy) state.classList.add("busy");
  const bar = make("progress", { max: 100, value: percent });
  bar.setAttribute("aria-label", `Uploading ${item.name}`);
  const more = details(item);
  return make(
    "li",
    { className: item.error ? "document troubled" : "document" },
    make("span", { className: "document-name", title: item.name }, item.name),
    state,
    remover(item),
    item.status === "uploading" ? bar : null,
    more ? make("span", { className: "small details" }, more) : null,
  );
}

function rowsOf(items) {
  const keep = new Set();
  const elements = items.map((item) => {
    const key = item.document_id ?? item.key;
    const shown = JSON.stringify(item);
    keep.add(key);
    if (rows.get(key)?.shown !== shown) rows.set(key, { element: rowOf(item), shown });
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
  const held = [...rows.keys()].find((key) => rows.get(key).element === before[at]);
  const elements = rowsOf(items);
  const same = before.length === elements.length && elements.every((e, n) => before[n] === e);
  if (!same) list.replaceChildren(...elements);
  // The focus stays on its document, or goes to the one that took its place, or to the heading.
  if (at >= 0 && !list.contains(document.activeElement)) {
    const row = rows.get(held)?.element ?? elements[at];
    (row?.querySelector(".remove") ?? $("documents-title")).focus();
  }
  $("document-count").textContent = items.length || "";
  const problem = $("documents-problem").textContent;
  handlers.onChange(items, listed || !problem ? null : problem);
}

export function readyCount() {
  return documents.filter((item) => item.status === "ready").length;
}

// The list shows the settled versions. The state of a fresh upload comes from its own address.
async function listedNow() {
  const found = (await call("/v1/documents?limit=200")).documents;
  const byId = new Map(found.map((item) => [item.document_id, item]));
  const asked = [...fresh].map((id) => call(`/v1/documents/${id}`).catch(() => null));
  for (const item of await Promise.all(asked)) if (item) byId.set(item.document_id, item);
  return byId;
}

function take(byId) {
  for (const id of fresh) {
    const item = byId.get(id);
    if (!item || !SETTLED.has(item.status)) continue;
    fresh.delete(id);
    announce(`${item.name}: ${WORDS[item.status] ?? "Deleted"}. ${item.error?.message ?? ""}`);
  }
  for (const [key, item] of uploads) if (byId.has(item.document_id)) uploads.delete(key);
  documents = [...byId.values()].filter((item) => item.status !== "deleted");
  listed = true;
}

// Asks for the list now, and from then on again and again until 401 or 403.
export async function poll() {
  clearTimeout(timer);
  const turn = ++newest;
  watching = true;
  try {
    const byId = await listedNow();
    if (turn !== newest) return;
    show($("documents-problem"), null);
    take(byId);
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

function confirmDelete(item) {
  const dialog = $("delete-dialog");
  $("delete-name").textContent = item.name;
  dialog.returnValue = "";
  dialog.onclose = () => {
    $("delete-name").textContent = "";
    // A poll may have made the row anew behind the dialog.
    rows.get(item.document_id)?.element.querySelector(".remove")?.focus();
    if (dialog.returnValue === "delete") remove(item);
  };
  dialog.showModal();
}

async function remove(item) {
  const here = visit();
  try {
    await call(`/v1/documents/${item.document_id}`, { method: "DELETE" });
    if (here.aborted) return;
    documents = documents.filter((other) => other.document_id !== item.document_id);
    for (const [key, other] of uploads) {
      if (other.document_id === item.document_id) uploads.delete(key);
    }
    fresh.delete(item.document_id);
    announce(`${item.name} is deleted.`);
    handlers.onDeleted(item.document_id);
    render();
    if (watching) await poll();
  } catch (error) {
    if (here.aborted) return;
    show($("documents-problem"), error.message);
    handlers.onProblem(error);
  }
}

export function emptyDocuments() {
  newest += 1;
  clearTimeout(timer);
  watching = listed = false;
  documents = [];
  uploads.clear();
  fresh.clear();
  show($("documents-problem"), null);
  render();
}

// onAccepted(): the gateway took the token; onChange(items, problem): what is listed, or why
// nothing is; onDeleted(documentId).
export function startDocuments(given) {
  handlers = given;
  document.addEventListener("visibilitychange", () => {
    if (watching && document.visibilityState === "visible") poll();
  });
}
