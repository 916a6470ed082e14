// The list of documents: uploads with progress, live status, delete.

import { call, upload } from "./api.js";
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
let timer = null;
let onProblem = () => {};
let onChange = () => {};

function details(item) {
  if (item.error) return item.error.message;
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
  const state = make("span", { className: `state ${item.status}` }, WORDS[item.status]);
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

function render() {
  const known = new Set(documents.map((item) => item.document_id));
  const waiting = [...uploads.values()].filter((item) => !known.has(item.document_id));
  const items = [...waiting, ...documents];
  const keep = new Set();
  const elements = items.map((item) => {
    const key = item.document_id ?? item.key;
    const shown = JSON.stringify(item);
    keep.add(key);
    // Unchanged rows stay, so that the focus on their buttons does too.
    if (rows.get(key)?.shown !== shown) rows.set(key, { element: rowOf(item), shown });
    return rows.get(key).element;
  });
  for (const key of rows.keys()) if (!keep.has(key)) rows.delete(key);
  const list = $("document-list");
  const same =
    list.children.length === elements.length && elements.every((e, n) => list.children[n] === e);
  if (!same) list.replaceChildren(...elements);
  $("document-count").textContent = items.length || "";
  onChange(items);
}

export function readyCount() {
  return documents.filter((item) => item.status === "ready").length;
}

function settle(item) {
  if (!SETTLED.has(item.status)) return;
  if (fresh.delete(item.document_id)) {
    announce(`${item.name}: ${WORDS[item.status]}. ${item.error?.message ?? ""}`);
  }
}

// The list knows the settled versions; a fresh upload is asked for by its id.
async function refresh() {
  const listed = (await call("/v1/documents?limit=200")).documents;
  const byId = new Map(listed.map((item) => [item.document_id, item]));
  await Promise.all(
    [...fresh].map(async (id) => {
      const item = await call(`/v1/documents/${id}`).catch(() => null);
      if (item) byId.set(id, item);
      if (item) settle(item);
    }),
  );
  for (const [key, item] of uploads) if (byId.has(item.document_id)) uploads.delete(key);
  documents = [...byId.values()].filter((item) => item.status !== "deleted");
}

export async function poll() {
  clearTimeout(timer);
  let wait = CALM_POLL_MS;
  try {
    await refresh();
    show($("documents-problem"), null);
  } catch (error) {
    show($("documents-problem"), error.message);
    onProblem(error);
    if (error.status === 401) return;
  }
  render();
  const busy = fresh.size || documents.some((item) => !SETTLED.has(item.status));
  if (busy) wait = BUSY_POLL_MS;
  timer = setTimeout(poll, wait);
}

async function send(item, file) {
  try {
    const accepted = await upload(file, (progress) => {
      item.progress = progress;
      render();
    });
    Object.assign(item, accepted, { progress: undefined });
    fresh.add(item.document_id);
  } catch (error) {
    item.status = "rejected";
    item.error = { code: error.code, message: error.message };
    announce(`${item.name}: ${error.message}`);
    onProblem(error);
  }
  render();
}

export async function add(files) {
  const queue = [...files].map((file) => {
    const key = crypto.randomUUID?.() ?? `${file.name}-${Math.random()}`;
    const item = { key, name: file.name, status: "uploading", progress: 0 };
    uploads.set(key, item);
    return [item, file];
  });
  render();
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await send(...next);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  await poll();
}

function confirmDelete(item) {
  const dialog = $("delete-dialog");
  $("delete-name").textContent = item.name;
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "delete") remove(item);
  };
  dialog.showModal();
}

async function remove(item) {
  try {
    await call(`/v1/documents/${item.document_id}`, { method: "DELETE" });
    documents = documents.filter((other) => other.document_id !== item.document_id);
    for (const [key, other] of uploads) {
      if (other.document_id === item.document_id) uploads.delete(key);
    }
    fresh.delete(item.document_id);
    announce(`${item.name} is deleted.`);
    render();
  } catch (error) {
    show($("documents-problem"), error.message);
    onProblem(error);
  }
}

export function startDocuments(handlers) {
  ({ onProblem, onChange } = handlers);
  $("choose").addEventListener("click", () => $("files").click());
  $("files").addEventListener("change", () => {
    add($("files").files);
    $("files").value = "";
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") poll();
  });
}
