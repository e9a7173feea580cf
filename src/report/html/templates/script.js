"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const normalize = (text) => text.toLowerCase().replace(/\s+/g, " ");
  const form = document.getElementById("filter");
  const matches = document.getElementById("matches");
  const fields = ["q", "status", "service", "region", "rule", "gating"];

  const cards = all("article.card").map((el) => ({
    el,
    id: el.id.slice(1),
    status: el.dataset.status,
    rules: el.dataset.rules.split(" "),
    services: el.dataset.services.split(" "),
    regions: el.dataset.regions.split(" "),
    gating: "gating" in el.dataset,
    more: "more" in el.dataset,
    fold: el.querySelector("details.members"),
    hits: el.querySelector(".hits"),
    items: null,
    text: null,
  }));
  const byId = new Map(cards.map((card) => [card.id, card]));
  const lists = all("details.kind").map((el) => ({
    el,
    service: el.dataset.k,
    hits: el.querySelector(".hits"),
    rows: null,
  }));
  const waived = all("li[data-rule]");
  let total = 0;
  let prepared = false;
  const opened = new Set();
  let waiting = 0;

  /* Texts are read when the first filter needs them, so that a page of 10,000 rows opens without delay. */
  const prepare = () => {
    if (prepared) return;
    prepared = true;
    for (const card of cards) {
      card.text = normalize(all(".head, .over, .variant, .fix, .evidence dd", card.el).map((it) => it.textContent).join(" "));
      card.items = all("li[data-r]", card.fold).map((el) => ({
        el,
        region: el.dataset.r,
        service: el.dataset.k,
        gating: "d" in el.dataset,
        text: normalize(el.textContent),
      }));
    }
    for (const list of lists) {
      list.rows = all("tbody tr[id]", list.el).map((el) => ({
        el,
        status: el.dataset.v,
        region: el.dataset.r,
        gating: "d" in el.dataset,
        causes: el.dataset.c.split(" "),
        text: normalize(el.textContent),
      }));
      total += list.rows.length;
    }
  };

  const readForm = () => {
    const data = new FormData(form);
    const values = {};
    for (const name of fields) values[name] = (data.get(name) || "").trim();
    return values;
  };

  const setOpen = (el, when) => {
    if (when && !el.open) {
      el.open = true;
      opened.add(el);
    } else if (!when && opened.delete(el)) {
      el.open = false;
    }
  };

  const number = (count) => count.toLocaleString("en-US");

  const apply = () => {
    const want = readForm();
    const active = fields.some((name) => want[name]);
    if (!active && !prepared) return;
    prepare();
    const terms = normalize(want.q).split(" ").filter(Boolean);
    const hasTerms = (text) => terms.every((term) => text.includes(term));
    const fits = (it) =>
      (!want.region || it.region === want.region) && (!want.gating || it.gating);
    const narrows = want.q || want.service || want.region || want.gating;

    let shownCards = 0;
    for (const card of cards) {
      let show = (!want.status || card.status === want.status) && (!want.rule || card.rules.includes(want.rule));
      let hits = 0;
      if (show) {
        const cardMatches = hasTerms(card.text);
        for (const item of card.items) {
          const matchesFilter = fits(item) && (!want.service || item.service === want.service) && (cardMatches || hasTerms(card.text + " " + item.text));
          item.el.hidden = !matchesFilter;
          if (matchesFilter) hits += 1;
        }
        const unnamed = card.more && cardMatches && (!want.region || card.regions.includes(want.region)) &&
          (!want.service || card.services.includes(want.service)) && (!want.gating || card.gating);
        show = hits > 0 || unnamed;
      }
      card.el.hidden = !show;
      shownCards += show ? 1 : 0;
      const some = show && narrows && hits < card.items.length;
      card.hits.textContent = some ? `(${number(hits)} of them match)` : "";
      setOpen(card.fold, some && hits <= 20);
    }

    let shownRows = 0;
    for (const list of lists) {
      let hits = 0;
      const here = !want.service || list.service === want.service;
      for (const row of list.rows) {
        const matchesFilter = here && (!want.status || row.status === want.status) && fits(row) &&
          (!want.rule || row.causes.some((cause) => byId.get(cause)?.rules.includes(want.rule))) &&
          terms.every((term) => row.text.includes(term) || row.causes.some((cause) => byId.get(cause)?.text.includes(term)));
        row.el.hidden = !matchesFilter;
        if (matchesFilter) hits += 1;
      }
      shownRows += hits;
      list.el.hidden = hits === 0;
      list.hits.textContent = active && hits < list.rows.length ? `${number(hits)} match` : "";
      setOpen(list.el, active && hits > 0 && hits <= 200);
    }
    for (const row of waived) {
      row.hidden = !((!want.status || row.dataset.v === want.status) && (!want.region || row.dataset.r === want.region) &&
        (!want.service || row.dataset.k === want.service) && (!want.rule || row.dataset.rule === want.rule) &&
        !want.gating && hasTerms(normalize(row.textContent)));
    }
    for (const fold of all(".waiver")) fold.hidden = !fold.querySelector("li:not([hidden])");
    for (const fold of all("details.others")) {
      const hits = all("article:not([hidden])", fold).length;
      fold.hidden = hits === 0;
      setOpen(fold, active && hits > 0);
    }
    for (const el of all(".worst")) el.hidden = active;
    for (const group of all("section.group")) group.hidden = !group.querySelector("article:not([hidden])");
    const [noResource, noCause] = all(".nothing");
    noCause.hidden = !active || shownCards > 0;
    noResource.hidden = !active || shownRows > 0;
    matches.textContent = active
      ? `${number(shownCards)} of ${number(cards.length)} causes and ${number(shownRows)} of ${number(total)} resources match.`
      : "";
    root.dataset.filtered = active ? "yes" : "no";
  };

  /* The filter is part of the address, so that a filtered page can be shared. */
  const saveToAddress = () => {
    const terms = new URLSearchParams();
    const want = readForm();
    for (const name of fields) if (want[name]) terms.set(name, want[name]);
    const hash = terms.toString();
    try {
      history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    } catch {
      /* Filtering works even if the browser forbids changing the address. */
    }
  };

  /* Unlike form.reset(), this fires no event: the listener of that event would overwrite the address. */
  const clearForm = () => {
    for (const field of form.elements) {
      if (field.type === "checkbox") field.checked = false;
      else if (field.name) field.value = "";
    }
  };

  const reveal = (target) => {
    if (target.closest("[hidden]")) {
      clearTimeout(waiting);
      clearForm();
      apply();
    }
    if (target.matches("article.card")) target.querySelector("details.cause").open = true;
    for (let el = target; el; el = el.parentElement) if (el.tagName === "DETAILS") el.open = true;
    target.scrollIntoView();
  };

  const followAddress = () => {
    const hash = location.hash.slice(1);
    if (hash.includes("=")) {
      clearTimeout(waiting);
      const terms = new URLSearchParams(hash);
      clearForm();
      for (const name of fields) {
        const field = form.elements.namedItem(name);
        const value = terms.get(name);
        if (value === null) continue;
        if (field.type === "checkbox") field.checked = value === "1";
        else if (field.tagName !== "SELECT" || [...field.options].some((it) => it.value === value)) field.value = value;
      }
      apply();
      return true;
    }
    const target = hash && document.getElementById(decodeURIComponent(hash));
    if (target) reveal(target);
    return false;
  };

  const copyCommand = async (code, button) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    matches.textContent = `${button.textContent}: ${code.textContent}`;
    setTimeout(() => (button.textContent = "Copy"), 2000);
  };
  for (const code of all("code.cmd, .prose pre code")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.title = "Copy " + code.textContent.slice(0, 80);
    button.addEventListener("click", () => copyCommand(code, button));
    (code.closest("pre") || code).after(button);
  }

  const applySoon = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      apply();
      saveToAddress();
    }, 120);
  };
  form.addEventListener("input", applySoon);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(applySoon));
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    /* Following a link to the current address fires no event. */
    if (link && link.getAttribute("href") === location.hash) arrive();
  });
  const arrive = () => {
    if (followAddress()) document.querySelector(".filter").scrollIntoView();
  };
  addEventListener("hashchange", arrive);

  document.querySelector(".filter").hidden = false;
  root.dataset.script = "on";
  arrive();
})();
