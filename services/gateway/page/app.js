// Starts the page and joins its parts: sign-in, question, documents, passage, graph.

import { call } from "./api.js";
import {
  ask,
  conversationId,
  removeStored,
  removeTexts,
  leaveConversation,
  newConversation,
  openConversation,
  showConversation,
  startConversation,
  stop,
} from "./conversation.js";
import {
  closeMenu,
  emptyConversations,
  idInAddress,
  markOpen,
  refreshConversations,
  setAddress,
  startConversations,
} from "./conversations.js";
import { emptyDocument, leaveDocument, startDocument } from "./document.js";
import { add, emptyDocuments, poll, readyCount, SETTLED, startDocuments } from "./documents.js";
import { $, announce, grow, show, tooLong } from "./dom.js";
import { startDrop } from "./drop.js";
import { closeGraph, emptyGraph, removeEvidence, openGraph, startGraph } from "./graph.js";
import { closePassage, emptyPassage, leavePassageOf, startPassage } from "./passage.js";
import { emptyPrompts, showPrompts, startPrompts } from "./prompts.js";
import { emptyReviews, showReviews, startReviews } from "./reviews.js";
import { accepted, refused, signedIn, standingNow, startSignIn } from "./sign_in.js";
import { emptyTraining, showTraining, startTraining } from "./training_sets.js";
import { emptyUsage, startUsage } from "./usage.js";

// As in contracts/gateway/http.py.
const QUESTION_MAX = 4000;

// Whose conversation the address names.
let addressOf = null;

function emptyViews() {
  leaveConversation();
  emptyConversations();
  emptyPassage();
  emptyGraph();
  emptyDocument();
  emptyDocuments();
  emptyUsage();
  emptyTraining();
  emptyReviews();
  emptyPrompts();
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
    startOver();
  });
}

function startOver() {
  newConversation();
  setAddress(null, true);
  markOpen(null);
}

// Shows the conversation that the address names, or a new one.
async function goTo(id) {
  if (standingNow() !== "in" || id === conversationId()) return;
  closeGraph();
  if (id === null) {
    newConversation();
    markOpen(null);
    return;
  }
  try {
    const found = await call(`/v1/conversations/${id}`);
    if (id !== idInAddress()) return;
    showConversation(found);
    markOpen(id);
    closeDrawers();
    $("question").focus();
  } catch (error) {
    if (error.name === "AbortError" || id !== idInAddress()) return;
    if (error.status === 404) setAddress(conversationId());
    show($("conversations-problem"), error.message);
    refused(error);
  }
}

function afterTurn(id, complete = false) {
  setAddress(id);
  markOpen(id);
  if (complete) refreshConversations();
}

// What this tab kept comes first; an address that names another conversation wins.
function openFor(who) {
  const key = JSON.stringify([who.tenant, who.user]);
  if (addressOf && addressOf !== key) setAddress(null);
  addressOf = key;
  openConversation(who);
  showTraining(who);
  showReviews(who);
  showPrompts(who);
  checkQuestion();
  if (!who.scopes.includes("chat")) return;
  const wanted = idInAddress();
  markOpen(conversationId());
  refreshConversations();
  if (wanted) goTo(wanted);
  else setAddress(conversationId());
}

// On a narrow screen the conversations and the documents lie in drawers.
const DRAWERS = ["conversations", "documents"];
const isOpen = (name) => document.body.classList.contains(`with-${name}`);

function setDrawer(name, open) {
  document.body.classList.toggle(`with-${name}`, open);
  $(`show-${name}`).setAttribute("aria-expanded", String(open));
  $(open ? `${name}-title` : `show-${name}`).focus();
}

function closeDrawers() {
  const open = DRAWERS.filter(isOpen);
  for (const name of open) setDrawer(name, false);
  return open.length > 0;
}

function startPanels() {
  for (const name of DRAWERS) {
    $(`show-${name}`).addEventListener("click", () => {
      const open = !isOpen(name);
      closeDrawers();
      setDrawer(name, open);
    });
    $(`hide-${name}`).addEventListener("click", closeDrawers);
  }
  // One press closes one thing, the topmost. Dialogs close themselves.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    closeMenu() || closePassage() || closeDrawers() || closeGraph();
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
  leaveDocument(id);
}

startGraph({ onProblem: refused });
startPassage({ onEntity: openGraph, onProblem: refused });
startPanels();
startQuestion();
startConversation({ onProblem: refused, onTurn: afterTurn });
startConversations({
  onProblem: refused,
  onAddress: goTo,
  onDeleted(id) {
    if (id === conversationId()) startOver();
  },
});
startDocument({ onProblem: refused, onChanged: poll });
startDocuments({ onProblem: refused, onAccepted: accepted, onChange: welcome, onDeleted });
startDrop(addFiles);
startUsage({ onProblem: refused });
startTraining({ onProblem: refused });
startReviews({ onProblem: refused });
startPrompts({ onProblem: refused });
startSignIn({
  empty: emptyViews,
  check: poll,
  open: openFor,
  removeStored(who) {
    removeStored(who);
    setAddress(null);
  },
});
