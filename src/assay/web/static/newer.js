// The Benchmarks tab shows the newest measurement: when there is a newer one than this page, it says so. It does not
// change by itself what somebody may be reading.
const EVERY = 3000;
const place = document.getElementById("newer");

async function look() {
  if (document.hidden || !place.hidden) return;
  try {
    const answer = await fetch("/api/benchmarks", { headers: { accept: "application/json" } });
    const told = answer.ok ? await answer.json() : null;
    if (told?.shown && told.shown !== place.dataset.shown) place.hidden = false;
  } catch { /* the server may be starting again; the next look tells */ }
}

setInterval(look, EVERY);
document.addEventListener("visibilitychange", look);
