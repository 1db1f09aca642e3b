// The report of a sweep: zoom, two pictures side by side, sorting, copying, curves. Nothing is fetched.
"use strict";
(() => {
  const all = (query, root = document) => [...root.querySelectorAll(query)];
  const one = (query, root = document) => root.querySelector(query);
  const cards = () => all("#sheet figure");
  const picture = (number) => one(`#sheet figure[data-run="${number}"] img`);

  // ── zoom: a click opens, the wheel scales about the pointer, dragging moves, arrows go on, Escape closes ──
  const zoom = one("#zoom"), large = one("#zoom img"), words = one("#zoom p");
  let shown = null, scale = 1, x = 0, y = 0, held = null;
  const place = () => { large.style.transform = `translate(-50%, -50%) translate(${x}px, ${y}px) scale(${scale})`; };
  const open = (image) => {
    shown = image;
    large.src = image.src;
    large.alt = image.alt;
    words.textContent = image.alt;
    const width = Number(image.getAttribute("width")), height = Number(image.getAttribute("height"));
    scale = Math.min(innerWidth / width, (innerHeight - 60) / height);
    x = y = 0;
    place();
    zoom.classList.add("open");
    zoom.focus();
  };
  const close = () => { zoom.classList.remove("open"); if (shown) shown.focus(); shown = null; };
  const next = (step) => {
    const images = cards().map((card) => one("img", card)).filter(Boolean);
    const at = images.indexOf(shown);
    if (images.length && at >= 0) open(images[(at + step + images.length) % images.length]);
  };
  document.addEventListener("click", (event) => {
    if (event.target.matches("figure img")) open(event.target);
  });
  zoom.addEventListener("click", (event) => { if (event.target === zoom) close(); });
  zoom.addEventListener("wheel", (event) => {
    event.preventDefault();
    const factor = Math.exp(-event.deltaY / 400), wanted = Math.min(40, Math.max(0.05, scale * factor)) / scale;
    const dx = event.clientX - innerWidth / 2, dy = event.clientY - innerHeight / 2;
    x = dx - (dx - x) * wanted;
    y = dy - (dy - y) * wanted;
    scale *= wanted;
    large.style.imageRendering = scale > 2 ? "pixelated" : "auto";
    place();
  }, { passive: false });
  large.addEventListener("pointerdown", (event) => { event.preventDefault(); held = [event.clientX - x, event.clientY - y]; large.setPointerCapture(event.pointerId); });
  large.addEventListener("pointermove", (event) => { if (held) { x = event.clientX - held[0]; y = event.clientY - held[1]; place(); } });
  large.addEventListener("pointerup", () => { held = null; });
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("figure img") && event.key === "Enter") open(event.target);
    else if (!shown) return;
    else if (event.key === "Escape") close();
    else if (event.key === "ArrowRight") next(1);
    else if (event.key === "ArrowLeft") next(-1);
  });

  // ── two pictures under a slider ──
  const split = one("#split");
  if (split) {
    const [left, right] = all("#split img"), at = one("#split-at");
    const choices = { A: one("#choice-a"), B: one("#choice-b") };
    const compare = () => {
      for (const [image, choice] of [[left, choices.A], [right, choices.B]]) {
        const from = picture(choice.value) || one(`figure[data-run="${choice.value}"] img`);
        if (!from) continue;
        image.src = from.src;
        image.alt = from.alt;
      }
      for (const button of all("button[data-side]")) {
        const on = choices[button.dataset.side].value === button.dataset.run;
        button.classList.toggle("on", on);
        button.setAttribute("aria-pressed", String(on));
      }
    };
    const move = () => split.style.setProperty("--at", `${at.value}%`);
    const follow = (event) => {
      const box = split.getBoundingClientRect();
      at.value = String(Math.max(0, Math.min(100, 100 * (event.clientX - box.left) / box.width)));
      move();
    };
    Object.values(choices).forEach((choice) => choice.addEventListener("change", compare));
    document.addEventListener("click", (event) => {
      const { side, run } = event.target.dataset;
      if (!side) return;
      choices[side].value = run;
      compare();
    });
    at.addEventListener("input", move);
    split.addEventListener("pointerdown", (event) => { split.setPointerCapture(event.pointerId); follow(event); });
    split.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });
    compare();
    move();
  }

  // ── sorting: the table by its heads, the contact sheet by the menu above it ──
  const value = (cell) => {
    const given = cell.dataset.value;
    return given === undefined || given === "" ? cell.textContent.trim() : Number(given);
  };
  const order = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1; // what has no figure comes last
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  };
  for (const head of all("#runs thead th")) {
    const button = one("button", head);
    button.addEventListener("click", () => {
      const body = one("#runs tbody"), column = [...head.parentNode.children].indexOf(head);
      const down = head.getAttribute("aria-sort") === "ascending";
      const rows = [...body.rows].sort((a, b) => order(value(a.cells[column]), value(b.cells[column])));
      if (down) rows.reverse();
      all("#runs thead th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      body.append(...rows);
    });
  }
  const menu = one("#sheet-order");
  if (menu) menu.addEventListener("change", () => {
    const figure = (card) => { const text = card.dataset[menu.value]; return text === undefined || text === "" ? Infinity : Number(text); };
    one("#sheet .grid").append(...cards().sort((a, b) => figure(a) - figure(b) || Number(a.dataset.run) - Number(b.dataset.run)));
  });

  // ── copying ──
  for (const button of all("button[data-copy]")) {
    button.addEventListener("click", async () => {
      const text = one(`#${button.dataset.copy}`), was = button.textContent;
      let done = false;
      try { await navigator.clipboard.writeText(text.textContent); done = true; } catch {
        // A page from a file may not use the clipboard in every browser: the older way, else the text is marked.
        const range = document.createRange();
        range.selectNodeContents(text);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        try { done = document.execCommand("copy"); } catch { done = false; }
      }
      button.textContent = done ? "copied" : "press Ctrl-C";
      setTimeout(() => { button.textContent = was; }, 2000);
    });
  }

  // ── curves ──
  const draw = () => {
    if (typeof Plotly === "undefined") return;
    const ink = getComputedStyle(document.body).color, line = getComputedStyle(document.documentElement).getPropertyValue("--line");
    for (const node of all(".plot[data-figure]")) {
      const { data, layout } = JSON.parse(one(`#${node.dataset.figure}`).textContent);
      for (const axis of ["xaxis", "yaxis"]) layout[axis] = { gridcolor: line, zerolinecolor: line, automargin: true, ...layout[axis] };
      Object.assign(layout, { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: ink, family: "system-ui, sans-serif" }, margin: { t: 60, r: 20 } });
      Plotly.newPlot(node, data, layout, { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["sendDataToCloud"] });
    }
  };
  draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  document.documentElement.dataset.ready = "yes";
})();
