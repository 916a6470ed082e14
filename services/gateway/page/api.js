// The gateway's HTTP interface: the token, problems as errors, the stream of a chat.

const TOKEN_KEY = "ragops.token";

export class Problem extends Error {
  constructor(status, code, detail) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

export function token() {
  return localStorage.getItem(TOKEN_KEY);
}

export function keepToken(value) {
  localStorage.setItem(TOKEN_KEY, value.trim());
}

// The link carries the token in its fragment, which no server ever sees; it leaves the address
// bar at once, so that it is neither bookmarked nor shared.
export function takeTokenFromLink() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!given) return false;
  keepToken(given);
  history.replaceState(null, "", location.pathname + location.search);
  return true;
}

export function whoIs(value) {
  try {
    const part = value.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    return claims.sub && claims.tenant ? { user: claims.sub, tenant: claims.tenant } : null;
  } catch {
    return null;
  }
}

function headers(more = {}) {
  return { Authorization: `Bearer ${token() ?? ""}`, ...more };
}

export function problemOf(status, text) {
  try {
    const body = JSON.parse(text);
    return new Problem(status, body.code, body.detail);
  } catch {
    return new Problem(status, "unknown", `The server answered ${status}.`);
  }
}

async function answered(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: headers(options.headers) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "offline", "The server cannot be reached. Is it running?");
  }
  if (!response.ok) throw problemOf(response.status, await response.text());
  return response;
}

export async function call(path, options) {
  return (await answered(path, options)).json();
}

// XMLHttpRequest, since fetch does not tell how far an upload is.
export function upload(file, onProgress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("file", file);
    request.open("POST", "/v1/documents");
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () =>
      request.status === 202
        ? resolve(JSON.parse(request.responseText))
        : reject(problemOf(request.status, request.responseText));
    request.onerror = () =>
      reject(new Problem(0, "offline", "The upload was broken off. Is the server running?"));
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
