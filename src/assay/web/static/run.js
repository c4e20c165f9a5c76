// The page of a run while it runs: one stream of events says what has come, and the parts of the page that show it
// are asked for anew. A benchmark's card is asked for by itself, so that a result is on the screen at once.
import "./actions.js";
import { fragment } from "./api.js";
import { arrange, begin } from "./cards.js";
import * as progress from "./progress.js";
import { exchange, swap } from "./swap.js";

const PAUSE = 100; // ms in which several events make one request
const QUIET = 4000; // ms between two announcements
const AGAIN = 3000; // ms until a closed stream is opened again

const root = document.getElementById("run");
const address = `/runs/${encodeURIComponent(root.dataset.run)}`;
const ends = root.dataset.ends.split(" ");
const newest = Number(root.dataset.newest);
let last = Number(root.dataset.after);

const dirty = new Set();
const busy = new Set();
const places = () => [...root.querySelectorAll("[data-part]")];

async function refresh(name) {
  dirty.delete(name);
  busy.add(name);
  try {
    const fresh = await fragment(`${address}/parts/${name}`);
    const place = root.querySelector(`[data-part="${name}"]`);
    if (place && swap(place, fresh) && name === "cards") arrange();
  } catch {
    dirty.add(name); // the server may be starting again: tried again below
    await new Promise((done) => { setTimeout(done, AGAIN); });
  }
  busy.delete(name);
  if (dirty.has(name)) soon(name);
}

function soon(name) {
  dirty.add(name);
  if (busy.has(name)) return;
  busy.add(name);
  setTimeout(refresh, PAUSE, name);
}

async function showCard(id) {
  try {
    const fresh = (await fragment(`${address}/cards/${id}`)).querySelector("details");
    const old = document.getElementById(fresh.id);
    if (!old) return soon("cards");
    exchange(old, fresh);
    arrange();
  } catch {
    soon("cards");
  }
}

function atWork(id) {
  for (const card of root.querySelectorAll("[data-atwork]")) delete card.dataset.atwork;
  const card = id && document.getElementById(`b-${id.replace(/[^A-Za-z0-9]/g, "-")}`);
  if (card) card.dataset.atwork = "";
}

// Announcements for those who listen: the newest thing, now and then.
let words = "";
let due = null;
function say(text) {
  words = text;
  due ??= setTimeout(() => {
    document.getElementById("said").textContent = words;
    due = null;
  }, due === null && !document.getElementById("said").textContent ? 0 : QUIET);
}

const SAID = {
  committed: (data) => `Committed at layer ${data.layer}`,
  rolled_back: (data) => `Rolled back at layer ${data.layer}: ${data.reason}`,
  bench_result: (data) => `${data.title}: ${data.passed === null ? "not scored" : data.passed ? "passes" : "fails"}`,
  status: (data) => `The run is ${data.status.replace("_", " ")}`,
};

function mark(kind) {
  for (const place of places()) {
    if (ends.includes(kind) || place.dataset.changes.split(" ").includes(kind)) soon(place.dataset.part);
  }
}

function heard({ seq, kind, data, at }) {
  if (seq !== undefined) last = seq;
  const title = progress.hear(kind, data, Date.parse(at));
  if (kind === "bench_started") atWork(data.id);
  if (seq !== undefined && seq <= newest) return; // the page shows it already
  if (kind === "run_started" && data.versions) progress.start(0, false);
  if (kind === "bench_result") showCard(data.id);
  if (kind in SAID) say(SAID[kind](data));
  else if (title) say(title);
  mark(kind);
}

const lost = (is) => { document.getElementById("lost").hidden = !is; };

function listen() {
  const source = new EventSource(`/api${address}/events?after=${last}`);
  source.onopen = () => lost(false);
  source.onmessage = (message) => {
    const event = JSON.parse(message.data);
    heard(event);
    if (event.kind === "status") {
      source.close();
      atWork(null);
      progress.stop();
    }
  };
  source.onerror = () => {
    lost(true);
    // The browser tries again by itself, with the last event's id, unless the answer was no stream at all.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN);
  };
}

begin();
if (root.dataset.going === "true") {
  progress.start(Number(root.dataset.elapsed), Number(root.dataset.elapsed) === 0);
  listen();
}
