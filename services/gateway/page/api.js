// The gateway's HTTP interface: the token, problems as errors, the stream of a chat.

const TOKEN_KEY = "ragops.token";

// The token in use. localStorage shares it with the other tabs.
let held = localStorage.getItem(TOKEN_KEY);
// Each request belongs to one visit. A visit ends when the token changes or is refused: its
// requests are aborted, so that no answer for one user reaches the views of the next.
let current = new AbortController();

export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

export function token() {
  return held;
}

export function keepToken(value) {
  held = value.trim();
  localStorage.setItem(TOKEN_KEY, held);
}

export function removeToken() {
  held = null;
  localStorage.removeItem(TOKEN_KEY);
}

// True when another tab changed the token; from then on this tab uses the new one.
export function tokenChanged() {
  const stored = localStorage.getItem(TOKEN_KEY);
  const changed = stored !== held;
  held = stored;
  return changed;
}

// The token stands in the link's fragment, which browsers never send to a server. The page removes
// it from the address bar at once, so that nobody bookmarks or shares it.
export function takeTokenFromLink() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return false;
  keepToken(given);
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

// What the token says of itself: a label and a storage key. Only the gateway can verify it.
export function whoIs(value) {
  try {
    const part = value.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const { sub, tenant, scope = "" } = JSON.parse(new TextDecoder().decode(bytes));
    return sub && tenant ? { user: sub, tenant, scopes: scope.split(" ") } : null;
  } catch {
    return null;
  }
}

export function visit() {
  return current.signal;
}

export function endVisit() {
  current.abort();
  current = new AbortController();
}

function headers(more = {}) {
  return { Authorization: `Bearer ${held ?? ""}`, ...more };
}

function unexplained(status) {
  return status >= 500
    ? `The server cannot answer now. Try again in a moment. (HTTP ${status})`
    : `The server did not accept this. Reload the page and try again. (HTTP ${status})`;
}

export function problemOf(status, text) {
  let body = {};
  try {
    body = JSON.parse(text) ?? {};
  } catch {
    // Not from the gateway: a proxy's own page.
  }
  const told = typeof body.detail === "string" && body.detail ? body.detail : null;
  return new Problem(status, body.code ?? "unknown", told ?? unexplained(status));
}

async function reached(answer) {
  try {
    return await answer;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const detail = "The page cannot reach the server. Check that it is running, then try again.";
    throw new Problem(0, "offline", detail);
  }
}

async function answered(path, options = {}) {
  const signal = options.signal ?? visit();
  const sent = fetch(path, { ...options, signal, headers: headers(options.headers) });
  const response = await reached(sent);
  if (!response.ok) throw problemOf(response.status, await reached(response.text()));
  return response;
}

export async function call(path, options) {
  return reached((await answered(path, options)).json());
}

// A file with the name that the gateway gives it.
export async function file(path) {
  const response = await answered(path);
  const told = response.headers.get("Content-Disposition") ?? "";
  const name = /filename="([^"]+)"/.exec(told)?.[1] ?? "file";
  return { name, blob: await reached(response.blob()) };
}

export async function download(path) {
  return (await file(path)).blob;
}

// Saves what the gateway answers as a file: a plain link could not carry the token.
export async function save(path, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await download(path));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

// The default of RAGOPS_UPLOAD_LIMIT_BYTES: larger files go to S3 directly.
const DIRECT_ABOVE = 50 * 1024 * 1024;

export async function upload(file, onProgress) {
  if (file.size <= DIRECT_ABOVE) return posted("/v1/documents", headers(), { file }, onProgress);
  const granted = await call("/v1/uploads", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ name: file.name, size: file.size }),
  });
  await posted(granted.url, {}, { ...granted.fields, file }, onProgress);
  return { document_id: granted.document_id, name: granted.name, status: "accepted" };
}

// XMLHttpRequest, because fetch does not report an upload's progress.
function posted(url, headers, fields, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    request.open("POST", url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () =>
      request.status >= 200 && request.status < 300
        ? resolve(request.status === 202 ? JSON.parse(request.responseText) : null)
        : reject(problemOf(request.status, request.responseText));
    const stopped = "The upload stopped. Check that the server is running, then add it again.";
    request.onerror = () => reject(new Problem(0, "offline", stopped));
    request.onabort = () => reject(new DOMException("The visit ended.", "AbortError"));
    visit().addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

// Yields {event, data} as they come.
export async function* chat(body, signal) {
  const response = await answered("/v1/chat", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(body),
    signal,
  });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  while (true) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (waiting + value).split("\n\n");
    waiting = blocks.pop();
    for (const block of blocks) {
      const lines = block.split("\n").filter((line) => !line.startsWith(":"));
      const field = (name) =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (field("event")) yield { event: field("event"), data: JSON.parse(field("data")) };
    }
  }
}
