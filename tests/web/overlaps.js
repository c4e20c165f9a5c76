// What stands on top of something else on this page: pairs of texts or controls whose boxes meet, as words.
() => {
  const CLIPS = /auto|scroll|hidden|clip/;
  const CONTROLS = "button, input:not([type=hidden]), select, textarea, summary.button";

  const meet = (a, b) => ({
    left: Math.max(a.left, b.left), right: Math.min(a.right, b.right),
    top: Math.max(a.top, b.top), bottom: Math.min(a.bottom, b.bottom),
  });

  // What is left of a box inside all that clips it; what floats over the page on purpose is left out.
  function seen(box, element) {
    for (let at = element; at && at !== document.body; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.position === "fixed" || style.position === "sticky" || style.clipPath !== "none") return null;
      if (style.position === "absolute" && !at.closest("svg")) return null;
      if (at !== element && !at.closest("svg") && CLIPS.test(style.overflowX + style.overflowY)) box = meet(box, at.getBoundingClientRect());
    }
    return box.right - box.left > 1 && box.bottom - box.top > 1 ? box : null;
  }

  // Lines are taller than their letters.
  const letters = ({ left, right, top, bottom }) => {
    const spare = (bottom - top) * 0.22;
    return { left: left + 1, right: right - 1, top: top + spare, bottom: bottom - spare };
  };

  const things = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const owner = node.parentElement;
    if (!node.data.trim() || !owner.checkVisibility() || owner.closest("option, datalist, title, textarea")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const line of range.getClientRects()) {
      const box = seen(letters(line), owner);
      if (box) things.push({ box, owner, words: node.data.trim().slice(0, 40) });
    }
  }
  for (const owner of document.querySelectorAll(CONTROLS)) {
    if (!owner.checkVisibility()) continue;
    const box = seen(owner.getBoundingClientRect(), owner);
    if (box) things.push({ box, owner, words: `<${owner.localName} ${owner.name ?? ""}>` });
  }

  things.sort((a, b) => a.box.top - b.box.top);
  const found = [];
  for (let i = 0; i < things.length; i += 1) {
    for (let j = i + 1; j < things.length && things[j].box.top < things[i].box.bottom; j += 1) {
      const [a, b] = [things[i], things[j]];
      if (a.owner === b.owner || a.owner.contains(b.owner) || b.owner.contains(a.owner)) continue;
      const both = meet(a.box, b.box);
      if (both.right - both.left > 1 && both.bottom - both.top > 1) found.push(`${a.words} / ${b.words}`);
    }
  }
  return found;
}
