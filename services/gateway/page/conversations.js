// The list of conversations: by day, searched, renamed, saved, deleted. Each has an address.

import { call, file, Problem } from "./api.js";
import { $, announce, make, show } from "./dom.js";

const SEARCH_DELAY = 250;
const TITLE_MAX = 120;
const ADDRESS = /^#\/c\/([A-Za-z0-9-]{1,64})$/;

let handlers = {};
let items = [];
let next = null;
// Only the newest request may fill the list.
let asked = 0;
let openId = null;
let searching = null;
let renaming = null;

export function idInAddress() {
  return ADDRESS.exec(location.hash)?.[1] ?? null;
}

// `push` makes a step that the browser's Back button returns from.
export function setAddress(id, push = false) {
  const address = id ? `#/c/${id}` : location.pathname + location.search;
  if (id === idInAddress()) return;
  if (push) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

export function markOpen(id) {
  openId = id;
  for (const link of document.querySelectorAll(".conversation a")) {
    if (link.dataset.id === id) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

export function emptyConversations() {
  asked += 1;
  items = [];
  next = null;
  openId = null;
  renaming = null;
  $("conversation-query").value = "";
  show($("conversations-problem"), null);
  $("conversation-list").replaceChildren();
  $("more-conversations").hidden = true;
  $("conversations-hint").hidden = true;
}

export async function refreshConversations(more = false) {
  const mine = (asked += 1);
  const query = $("conversation-query").value.trim();
  const parameters = new URLSearchParams({ limit: "50" });
  if (query) parameters.set("query", query);
  if (more && next) parameters.set("after", next);
  try {
    const page = await call(`/v1/conversations?${parameters}`);
    if (mine !== asked) return;
    items = more ? [...items, ...page.conversations] : page.conversations;
    next = page.next;
    show($("conversations-problem"), null);
    draw(query);
  } catch (error) {
    if (mine === asked) failed(error);
  }
}

function failed(error) {
  if (error.name === "AbortError") return;
  show($("conversations-problem"), error.message);
  handlers.onProblem(error);
}

function dayOf(at) {
  const day = new Date(at).toDateString();
  if (day === new Date().toDateString()) return "Today";
  if (day === new Date(Date.now() - 86_400_000).toDateString()) return "Yesterday";
  return new Date(at).toLocaleDateString("en", { weekday: "long", month: "short", day: "numeric" });
}

function draw(query = $("conversation-query").value.trim()) {
  const days = [];
  for (const item of items) {
    const day = dayOf(item.last_at);
    if (days.at(-1)?.day !== day) days.push({ day, list: make("ul") });
    days.at(-1).list.append(row(item));
  }
  const groups = days.map(({ day, list }) =>
    make("li", {}, make("h3", { className: "day" }, day), list),
  );
  $("conversation-list").replaceChildren(...groups);
  $("more-conversations").hidden = !next;
  const empty = query ? "No conversation has these words." : "Your conversations appear here.";
  $("conversations-hint").textContent = empty;
  $("conversations-hint").hidden = items.length > 0;
  markOpen(openId);
}

function row(item) {
  if (renaming === item.conversation_id) return make("li", { className: "conversation" }, form(item));
  const link = make("a", { href: `#/c/${item.conversation_id}`, title: item.title }, item.title);
  link.dataset.id = item.conversation_id;
  return make("li", { className: "conversation" }, link, menu(item));
}

function menu(item) {
  const about = { "aria-label": `More for ${item.title}`, title: "More" };
  const list = make("details", { className: "menu" }, make("summary", about, "⋯"));
  const actions = [
    ["Rename", () => rename(item)],
    ["Save as Markdown", () => save(item, "markdown")],
    ["Save as JSON", () => save(item, "json")],
    ["Delete", () => confirmDelete(item, list)],
  ];
  const buttons = actions.map(([name, action]) => {
    const button = make("button", { type: "button", className: "quiet" }, name);
    button.addEventListener("click", () => {
      list.open = false;
      action();
    });
    return button;
  });
  list.append(make("div", { className: "actions" }, ...buttons));
  return list;
}

function focusOn(id) {
  const link = [...document.querySelectorAll(".conversation a")].find(
    (one) => one.dataset.id === id,
  );
  (link ?? $("conversations-title")).focus();
}

function rename(item) {
  renaming = item.conversation_id;
  draw();
  $("new-title").focus();
  $("new-title").select();
}

function form(item) {
  const field = make("input", {
    id: "new-title",
    value: item.title,
    maxLength: TITLE_MAX,
    required: true,
    "aria-label": "New title",
    autocomplete: "off",
  });
  const end = () => {
    renaming = null;
    draw();
    focusOn(item.conversation_id);
  };
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    end();
  });
  const element = make("form", { className: "rename" }, field);
  element.append(make("button", { type: "submit", className: "outlined" }, "Save"));
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const title = field.value.trim();
    if (!title) return;
    try {
      await call(`/v1/conversations/${item.conversation_id}`, {
        method: "PATCH",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ title }),
      });
      item.title = title;
      announce(`Renamed to ${title}`);
      end();
    } catch (error) {
      failed(error);
    }
  });
  return element;
}

async function save(item, format) {
  try {
    const { name, blob } = await file(
      `/v1/conversations/${item.conversation_id}/export?format=${format}`,
    );
    const url = URL.createObjectURL(blob);
    make("a", { href: url, download: name }).click();
    URL.revokeObjectURL(url);
    announce(`Saved as ${name}`);
  } catch (error) {
    failed(error);
  }
}

function confirmDelete(item, list) {
  const dialog = $("forget-dialog");
  $("forget-name").textContent = item.title;
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue === "delete") remove(item);
    else list.querySelector("summary").focus();
  };
  dialog.showModal();
}

async function remove(item) {
  try {
    await call(`/v1/conversations/${item.conversation_id}`, { method: "DELETE" });
  } catch (error) {
    // Somebody else was faster: it is gone all the same.
    if (!(error instanceof Problem) || error.status !== 404) {
      failed(error);
      return;
    }
  }
  items = items.filter((one) => one !== item);
  draw();
  announce(`Deleted ${item.title}`);
  handlers.onDeleted(item.conversation_id);
  $("conversations-title").focus();
}

// `handlers`: onProblem(error), onDeleted(id), onAddress(id) for an address that was gone to.
export function startConversations(given) {
  handlers = given;
  $("conversation-query").addEventListener("input", () => {
    clearTimeout(searching);
    searching = setTimeout(refreshConversations, SEARCH_DELAY);
  });
  $("more-conversations").addEventListener("click", () => refreshConversations(true));
  addEventListener("hashchange", () => {
    // A link with a token is the sign-in's.
    if (!location.hash || idInAddress()) handlers.onAddress(idInAddress());
  });
  // One menu at a time; Escape and a click elsewhere close it.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}

export function closeMenu() {
  const menu = document.querySelector(".menu[open]");
  if (!menu) return false;
  menu.open = false;
  menu.querySelector("summary").focus();
  return true;
}
