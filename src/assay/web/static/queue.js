// What runs and what waits, kept up to date while the page is looked at.
import "./actions.js";
import { fragment } from "./api.js";
import { swap } from "./swap.js";

const EVERY = 3000;
const place = document.querySelector("[data-queue]");

async function look() {
  if (place && !document.hidden) {
    try {
      swap(place, await fragment("/queue"));
    } catch { /* the server may be starting again; the next look tells */ }
  }
}

async function watch() {
  await look();
  setTimeout(watch, EVERY);
}

setTimeout(watch, EVERY);
document.addEventListener("visibilitychange", look);
place?.addEventListener("acted", look);
