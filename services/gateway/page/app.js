// Starts the page and joins its parts: sign-in, question, documents, passage, graph.

import {
  ask,
  removeStored,
  removeTexts,
  leaveConversation,
  newConversation,
  openConversation,
  startConversation,
  stop,
} from "./conversation.js";
import { add, emptyDocuments, poll, readyCount, SETTLED, startDocuments } from "./documents.js";
import { $, announce, grow, show, tooLong } from "./dom.js";
import { startDrop } from "./drop.js";
import { closeGraph, emptyGraph, removeEvidence, openGraph, startGraph } from "./graph.js";
import { closePassage, emptyPassage, leavePassageOf, startPassage } from "./passage.js";
import { accepted, refused, signedIn, standingNow, startSignIn } from "./sign_in.js";

// As in contracts/gateway/http.py.
const QUESTION_MAX = 4000;

function emptyViews() {
  leaveConversation();
  emptyPassage();
  emptyGraph();
  emptyDocuments();
  checkQuestion();
  announce("");
}

// Says when the question is too long, instead of cutting it.
function checkQuestion() {
  const field = $("question");
  grow(field);
  const problem = tooLong("question", field.value.trim(), QUESTION_MAX);
  if (problem && $("question-problem").hidden) announce(problem);
  show($("question-problem"), problem);
  field.setAttribute("aria-invalid", String(Boolean(problem)));
  return !problem;
}

async function submitQuestion() {
  const field = $("question");
  if (!field.value.trim() || !$("stop").hidden) return;
  if (!checkQuestion()) {
    announce($("question-problem").textContent);
    field.focus();
    return;
  }
  if (!(await signedIn("Sign in to ask a question."))) {
    const offline = "The server cannot check your token now. Try again in a moment.";
    show($("question-problem"), standingNow() === "checking" ? offline : null);
    return;
  }
  const question = field.value.trim();
  if (!question) return;
  field.value = "";
  checkQuestion();
  ask(question);
}

function startQuestion() {
  $("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    submitQuestion();
  });
  $("question").addEventListener("input", checkQuestion);
  $("question").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submitQuestion();
  });
  $("stop").addEventListener("click", () => {
    stop();
    $("question").focus();
  });
  $("new-conversation").addEventListener("click", () => {
    closeGraph();
    newConversation();
  });
}

// On a narrow screen the documents lie in a drawer.
function setDrawer(open) {
  document.body.classList.toggle("with-documents", open);
  $("show-documents").setAttribute("aria-expanded", String(open));
  $(open ? "documents-title" : "show-documents").focus();
}

function closeDrawer() {
  if (!document.body.classList.contains("with-documents")) return false;
  setDrawer(false);
  return true;
}

function startPanels() {
  $("show-documents").addEventListener("click", () => {
    setDrawer(!document.body.classList.contains("with-documents"));
  });
  $("hide-documents").addEventListener("click", closeDrawer);
  // One press closes one thing, the topmost. Dialogs close themselves.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    closePassage() || closeDrawer() || closeGraph();
  });
}

async function addFiles(files) {
  const chosen = [...files];
  if (await signedIn("Sign in to add documents.")) add(chosen);
}

function welcome(items, problem) {
  const ready = readyCount();
  const waiting = items.some((item) => !SETTLED.has(item.status));
  const texts = {
    out: "Sign in with an access token to add documents and to ask about them.",
    checking: "Loading your documents …",
    none: "You have no readable documents yet. Add one to start: drop a file on this page.",
    waiting: "The system is reading your documents. You can ask as soon as one is ready.",
    ready: `${ready} document${ready === 1 ? " is" : "s are"} ready. What do you want to know?`,
  };
  const listed = ready ? "ready" : waiting ? "waiting" : "none";
  const standing = standingNow();
  $("welcome-text").textContent = problem ?? texts[standing === "in" ? listed : standing];
}

function onDeleted(id) {
  removeTexts(id);
  removeEvidence(id);
  leavePassageOf(id);
}

startGraph({ onProblem: refused });
startPassage({ onEntity: openGraph, onProblem: refused });
startPanels();
startQuestion();
startConversation({ onProblem: refused });
startDocuments({ onProblem: refused, onAccepted: accepted, onChange: welcome, onDeleted });
startDrop(addFiles);
startSignIn({
  empty: emptyViews,
  check: poll,
  open(who) {
    openConversation(who);
    checkQuestion();
  },
  removeStored,
});
