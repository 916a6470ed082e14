// Adds the files that people drop on the page or choose.

import { $ } from "./dom.js";

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");

export function startDrop(add) {
  $("choose").addEventListener("click", () => $("files").click());
  $("files").addEventListener("change", () => {
    add($("files").files);
    $("files").value = "";
  });
  let depth = 0; // "dragenter" and "dragleave" come for each element below the pointer
  const set = (value) => {
    depth = value;
    $("drop-overlay").hidden = depth === 0;
  };
  addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    set(depth + 1);
  });
  addEventListener("dragover", (event) => {
    if (carriesFiles(event)) event.preventDefault();
  });
  addEventListener("dragleave", (event) => {
    if (carriesFiles(event)) set(Math.max(0, depth - 1));
  });
  addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    set(0);
    add(event.dataTransfer.files);
  });
}
