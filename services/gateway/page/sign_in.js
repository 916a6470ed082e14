// Who is signed in: the token's dialog, what the gateway says of the token, and "Sign out".

import {
  endVisit,
  keepToken,
  removeToken,
  takeTokenFromLink,
  token,
  tokenChanged,
  whoIs,
} from "./api.js";
import { $, show } from "./dom.js";

// "out", "checking" until the gateway has accepted the token, then "in".
let standing = "out";
// After a token was refused for one scope only, Cancel goes back to what it does allow.
let returns = false;
let views = {};

export function standingNow() {
  return standing;
}

// Ends the visit and empties every view.
function leave(next = "out") {
  endVisit();
  standing = next;
  const who = next === "out" ? null : whoIs(token());
  $("change-token").textContent = who ? `${who.user} · ${who.tenant}` : "Sign in";
  // A refused token can be signed out too: the browser still keeps it.
  $("sign-out").hidden = !token();
  const asking = ["delete-dialog", "forget-dialog", "confirm-dialog"];
  for (const name of asking) if ($(name).open) $(name).close("");
  views.empty();
}

function enter() {
  returns = false;
  if ($("token-dialog").open) $("token-dialog").close();
  leave("checking");
  views.check();
}

export function askForToken(why) {
  show($("token-problem"), why);
  $("token").value = "";
  if (!$("token-dialog").open) $("token-dialog").showModal();
}

// The gateway has verified the token: what this browser kept for its user may be shown.
export function accepted() {
  if (standing !== "checking") return;
  standing = "in";
  views.open(whoIs(token()));
}

// Takes any request's error; only 401 and 403 say something of the token.
export function refused(error) {
  if (error.status !== 401 && error.status !== 403) return;
  const lacksScope = error.code === "forbidden";
  if (lacksScope && standing === "checking") {
    accepted();
    return;
  }
  leave();
  returns = lacksScope;
  askForToken(error.message);
}

// Whether a request makes sense now. In the first moment of a visit it waits for the gateway.
export async function signedIn(why) {
  if (standing === "out") askForToken(why);
  if (standing === "checking") await views.check();
  return standing === "in";
}

function signOut() {
  const who = whoIs(token());
  removeToken();
  leave();
  views.removeStored(who);
  $("change-token").focus();
}

function followOtherTabs() {
  const before = whoIs(token());
  if (!tokenChanged()) return;
  if (token()) {
    enter();
    return;
  }
  leave();
  views.removeStored(before);
}

function useTyped(event) {
  event.preventDefault();
  const given = $("token").value.trim().replace(/^.*#token=/, "");
  if (!whoIs(given)) {
    const problem = "This is not a token. A token has three parts with dots between them.";
    show($("token-problem"), problem);
    return;
  }
  keepToken(given);
  enter();
}

// `views`: empty() them, check() the token with a request, open(who), removeStored(who).
export function startSignIn(handlers) {
  views = handlers;
  $("change-token").addEventListener("click", () => askForToken(null));
  $("sign-out").addEventListener("click", signOut);
  $("token-cancel").addEventListener("click", () => $("token-dialog").close());
  $("token-dialog").addEventListener("close", () => {
    $("token").value = "";
    if (returns) enter();
  });
  $("token-form").addEventListener("submit", useTyped);
  addEventListener("hashchange", () => {
    if (takeTokenFromLink()) enter();
  });
  addEventListener("storage", followOtherTabs);
  // A frozen tab gets no storage events.
  addEventListener("pageshow", followOtherTabs);
  document.addEventListener("visibilitychange", followOtherTabs);
  takeTokenFromLink();
  if (token()) {
    enter();
    return;
  }
  leave();
  askForToken(null);
}
