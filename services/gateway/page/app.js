// Starts the page: token, documents, conversation.

import { keepToken, takeTokenFromLink, token, whoIs } from "./api.js";
import { ask, isEmpty, newConversation, startConversation, stop } from "./conversation.js";
import { add, poll, readyCount, SETTLED, startDocuments } from "./documents.js";
import { $, show } from "./dom.js";
import { startDrop } from "./drop.js";
import { closeGraph, openGraph, startGraph } from "./graph.js";
import { startPassage } from "./passage.js";

function showWho() {
  const who = token() ? whoIs(token()) : null;
  $("change-token").textContent = who ? `${who.user} · ${who.tenant}` : "Not signed in";
}

function askForToken(why) {
  show($("token-problem"), why);
  $("token").value = "";
  if (!$("token-dialog").open) $("token-dialog").showModal();
}

function onProblem(error) {
  if (error.status === 401) askForToken(error.message);
}

function useToken() {
  showWho();
  if ($("token-dialog").open) $("token-dialog").close();
  poll();
}

function startToken() {
  $("change-token").addEventListener("click", () => askForToken(null));
  $("token-cancel").addEventListener("click", () => $("token-dialog").close());
  $("token-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const given = $("token").value.trim().replace(/^.*#token=/, "");
    if (!whoIs(given)) {
      show($("token-problem"), "This is not a token: it has three parts with dots between.");
      return;
    }
    keepToken(given);
    useToken();
  });
  addEventListener("hashchange", () => {
    if (takeTokenFromLink()) useToken();
  });
}

function growQuestion() {
  const field = $("question");
  field.style.setProperty("height", "auto");
  field.style.setProperty("height", `${Math.min(field.scrollHeight + 2, 200)}px`);
}

function submitQuestion() {
  const question = $("question").value.trim();
  if (!question || !$("stop").hidden) return;
  if (!token()) {
    askForToken("A token is needed to ask.");
    return;
  }
  $("question").value = "";
  growQuestion();
  ask(question, onProblem);
}

function startQuestion() {
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    submitQuestion();
  });
  $("question").addEventListener("input", growQuestion);
  $("question").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submitQuestion();
  });
  $("stop").addEventListener("click", stop);
  $("new-conversation").addEventListener("click", () => {
    closeGraph();
    newConversation();
  });
}

function startDrawer() {
  const set = (open) => {
    document.body.classList.toggle("with-documents", open);
    $("show-documents").setAttribute("aria-expanded", String(open));
  };
  $("show-documents").addEventListener("click", () => {
    set(!document.body.classList.contains("with-documents"));
  });
  $("hide-documents").addEventListener("click", () => {
    set(false);
    $("show-documents").focus();
  });
}

function welcome(items) {
  if (!isEmpty()) return;
  const ready = readyCount();
  const texts = {
    none: "You have no readable documents yet. Add one to start: drop a file on this page.",
    waiting: "Your documents are being read. You can ask as soon as one is ready.",
    ready: `${ready} document${ready === 1 ? " is" : "s are"} ready. What do you want to know?`,
  };
  const waiting = items.some((item) => !SETTLED.has(item.status));
  $("welcome-text").textContent = texts[ready ? "ready" : waiting ? "waiting" : "none"];
}

takeTokenFromLink();
showWho();
startToken();
startGraph({ onProblem });
startPassage({ onEntity: openGraph });
startDrawer();
startQuestion();
startDocuments({ onProblem, onChange: welcome });
startDrop(add);
startConversation();
growQuestion();
if (token()) poll();
else askForToken(null);
