// Hides on this page what need not be looked at again: of things beside each other that are alike but for their
// words, the first few stay, and no large thing stays that an earlier page had in the same place. What a rule finds in
// one row of a table, or in one card, it finds in the others. Gives back what stayed, for the pages that follow.
({ most, known }) => {
  const LARGE = 8;
  const words = new Map();
  const kinds = new WeakMap();
  const before = new Set(known);
  const styles = [...document.styleSheets].map(({ href }) => href).join(" ");

  // A short name for a long text: 64 bits of it.
  function short(text) {
    if (!words.has(text)) {
      let [a, b] = [0xdeadbeef, 0x41c6ce57];
      for (let i = 0; i < text.length; i += 1) {
        a = Math.imul(a ^ text.charCodeAt(i), 2654435761);
        b = Math.imul(b ^ text.charCodeAt(i), 1597334677);
      }
      words.set(text, `${a >>> 0}-${b >>> 0}`);
    }
    return words.get(text);
  }

  // What rules ask about: element, roles, classes and states, whether it has words at all.
  function own(element) {
    const left = [...element.attributes].filter(({ name }) => !/^(id|href|src|value|title|for|name)$|^data-/.test(name));
    const said = left.map(({ name, value }) => {
      const free = /^aria-(label|describedby|controls)/.test(name) || /^[\w. ,%-]*\d[\w. ,%-]*$/.test(value) && name !== "class" && name !== "tabindex";
      return `${name}=${free ? value !== "" : value}`;
    });
    return `<${element.localName} ${said.sort().join(" ")} ${element.textContent.trim() !== ""}>`;
  }

  // Its own, and all kinds of things inside.
  function kind(element) {
    if (!kinds.has(element)) {
      const inside = new Set([...element.children].map(kind));
      kinds.set(element, short(own(element) + [...inside].sort().join(" ")));
    }
    return kinds.get(element);
  }

  // Not taken out: the page's own scripts go on, and may look for it.
  const hide = (element) => element.style.setProperty("display", "none", "important");

  function thin(element) {
    for (const child of element.children) thin(child);
    const seen = new Map();
    for (const child of [...element.children]) {
      const times = (seen.get(kind(child)) ?? 0) + 1;
      seen.set(kind(child), times);
      if (times > most) hide(child);
    }
  }

  const found = [];
  function forget(element, place) {
    for (const child of [...element.children]) {
      const large = child.querySelectorAll("*").length >= LARGE;
      const name = short(`${place} ${kind(child)}`);
      if (large && before.has(name) && !child.querySelector("h1")) hide(child);
      else {
        if (large) found.push(name);
        forget(child, short(place + own(child)));
      }
    }
  }

  thin(document.body);
  for (const main of document.querySelectorAll("main")) forget(main, styles);
  return found;
}
