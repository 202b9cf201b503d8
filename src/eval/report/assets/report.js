// The behaviour of a report's pages: theme, sorting, hints, highlighted methods, gallery and enlarged pictures. A plain
// script, since pages opened from a disk may load neither modules nor data.
(function () {
  "use strict";

  // Theme ------------------------------------------------------------------------------------------------------------

  const root = document.documentElement;

  // Storage may be switched off.
  function remembered() {
    try {
      return localStorage.getItem("relprop-theme");
    } catch (error) {
      return null;
    }
  }

  function remember(theme) {
    try {
      localStorage.setItem("relprop-theme", theme);
    } catch (error) {
      // The choice then holds for this page alone.
    }
  }

  function isDark() {
    const chosen = root.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  if (remembered()) root.dataset.theme = remembered();

  function prepareTheme() {
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      const show = () => button.setAttribute("aria-pressed", String(isDark()));
      button.addEventListener("click", () => {
        root.dataset.theme = isDark() ? "light" : "dark";
        remember(root.dataset.theme);
        show();
      });
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
      show();
    }
  }

  // Elements ---------------------------------------------------------------------------------------------------------

  function element(name, attributes, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {}))
      if (value !== null && value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
    made.append(...children.filter((child) => child !== null));
    return made;
  }

  function shown(value) {
    if (value === null) return "–";
    if (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5)) return value.toExponential(2);
    return value.toFixed(Math.abs(value) >= 100 ? 1 : 3);
  }

  // Sorting ----------------------------------------------------------------------------------------------------------

  // Numbers before text, missing ones last whatever the direction.
  function compared(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b);
  }

  // Sorts rows by valueOf(row); the order of equal ones stays.
  function sortRows(body, rows, valueOf, descending) {
    const keyed = rows.map((row) => ({ row, value: valueOf(row) }));
    keyed.sort((a, b) => compared(a.value, b.value, descending ? -1 : 1));
    body.append(...keyed.map((one) => one.row));
  }

  function markSorted(heads, head, descending) {
    for (const one of heads) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  }

  // The best first; the same head again turns the order round.
  function nextDirection(head, better) {
    const now = head.getAttribute("aria-sort");
    if (!now) return better === "higher";
    return now === "ascending";
  }

  function cellValue(cell) {
    const value = cell.dataset.value;
    if (value === undefined) return null;
    return cell.tagName === "TH" ? value : Number(value);
  }

  function prepareTable(table) {
    const body = table.tBodies[0];
    // The head has two rows: a name and the time that span both, and the scores between them.
    const [upper, lower] = table.tHead.rows;
    const heads = [upper.cells[0], ...lower.cells, upper.cells[upper.cells.length - 1]];
    heads.forEach((head, column) => {
      head.querySelector("button").addEventListener("click", () => {
        const descending = nextDirection(head, head.dataset.better);
        markSorted(heads, head, descending);
        sortRows(body, [...body.rows], (row) => cellValue(row.cells[column]), descending);
      });
    });
  }

  // Hints ------------------------------------------------------------------------------------------------------------

  const hint = element("div", { class: "hint", role: "tooltip", id: "hint", hidden: true });

  function placeHint(box) {
    hint.hidden = false;
    const gap = 8;
    const left = Math.min(Math.max(gap, box.left + box.width / 2 - hint.offsetWidth / 2), innerWidth - hint.offsetWidth - gap);
    const above = box.top - hint.offsetHeight - gap;
    hint.style.left = `${left}px`;
    hint.style.top = `${above > gap ? above : box.bottom + gap}px`;
  }

  function showHint(event) {
    const target = event.target.closest("[data-tip]");
    if (!target) return;
    hint.textContent = target.dataset.tip;
    const svg = target.closest("svg");
    placeHint(svg && event.clientY !== undefined ? new DOMRect(event.clientX, event.clientY, 0, 0) : target.getBoundingClientRect());
    if (!svg) target.setAttribute("aria-describedby", "hint");
  }

  function hideHint(event) {
    const target = event.target.closest ? event.target.closest("[data-tip]") : null;
    if (target) target.removeAttribute("aria-describedby");
    hint.hidden = true;
  }

  function prepareHints() {
    document.body.append(hint);
    for (const name of ["pointerover", "focusin", "click"]) document.addEventListener(name, showHint);
    for (const name of ["pointerout", "focusout"]) document.addEventListener(name, hideHint);
    addEventListener("scroll", () => (hint.hidden = true), true);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hint.hidden = true;
    });
  }

  // One method among the others --------------------------------------------------------------------------------------

  function prepareHighlight(section) {
    let pinned = null;
    const marked = () => section.querySelectorAll("svg.plot [data-method], .legend [data-method]");
    const show = (method) => {
      section.classList.toggle("highlighting", method !== null);
      for (const one of marked()) one.classList.toggle("on", one.dataset.method === method);
    };
    const methodAt = (event) => {
      const target = event.target.closest("svg.plot [data-method], .legend [data-method]");
      return target ? target.dataset.method : null;
    };
    for (const name of ["pointerover", "focusin"]) section.addEventListener(name, (event) => show(methodAt(event) || pinned));
    section.addEventListener("pointerleave", () => show(pinned));
    section.addEventListener("click", (event) => {
      const button = event.target.closest(".legend [data-method]");
      if (!button) return;
      pinned = pinned === button.dataset.method ? null : button.dataset.method;
      for (const one of section.querySelectorAll(".legend [data-method]"))
        one.setAttribute("aria-pressed", String(one.dataset.method === pinned));
      show(pinned);
    });
  }

  // Enlarged pictures ------------------------------------------------------------------------------------------------

  // Thumbnails lie in rows ([data-row]); left and right go along a row, up and down to the same column of another one.
  const viewer = (function () {
    const image = element("img", { alt: "" });
    const frame = element("div", { class: "frame" }, image);
    const caption = element("strong", {});
    const note = element("span", { class: "muted" });
    const link = element("a", { class: "page-link" }, "All scores of this picture");
    const make = (text, label) => element("button", { type: "button", "aria-label": label, title: label }, text);
    const previous = make("‹", "Previous (left arrow)");
    const next = make("›", "Next (right arrow)");
    const close = make("×", "Close (Escape)");
    close.className = "close";
    const keys = element("span", { class: "keys muted" }, "← → methods · ↑ ↓ pictures · Enter page · Esc close");
    const bottom = element("div", { class: "bottom" }, caption, note, link, keys);
    const dialog = element("dialog", { class: "viewer", "aria-label": "Enlarged picture" }, previous, frame, next, bottom, close);
    let current = null;

    const rowsNow = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
    const thumbsOf = (row) => [...row.querySelectorAll(".thumb")].filter((thumb) => thumb.offsetParent !== null);

    function show(thumb) {
      current = thumb;
      const source = thumb.querySelector("img");
      image.src = source.src;
      image.alt = source.alt;
      image.className = thumb.classList.contains("heat") ? "pixels" : "";
      frame.style.backgroundImage = thumb.style.backgroundImage;
      frame.classList.toggle("over", thumb.style.backgroundImage !== "");
      caption.textContent = thumb.dataset.caption;
      note.textContent = thumb.dataset.note;
      const page = thumb.closest("[data-page]");
      link.hidden = !page;
      if (page) link.href = page.dataset.page;
    }

    function along(step) {
      const thumbs = thumbsOf(current.closest("[data-row]"));
      show(thumbs[(thumbs.indexOf(current) + step + thumbs.length) % thumbs.length]);
    }

    function across(step) {
      const row = current.closest("[data-row]");
      const rows = rowsNow().filter((one) => one.parentNode === row.parentNode);
      const column = thumbsOf(row).indexOf(current);
      for (let i = rows.indexOf(row) + step; i >= 0 && i < rows.length; i += step) {
        const thumbs = thumbsOf(rows[i]);
        if (thumbs.length) return show(thumbs[Math.min(column, thumbs.length - 1)]);
      }
    }

    function onKey(event) {
      const moves = {
        ArrowLeft: () => along(-1),
        ArrowRight: () => along(1),
        ArrowUp: () => across(-1),
        ArrowDown: () => across(1),
        Enter: () => link.hidden || link.click(),
      };
      const inControl = event.target.closest("button, a") !== null;
      if (!moves[event.key] || (event.key === "Enter" && inControl)) return;
      event.preventDefault();
      moves[event.key]();
    }

    function prepare() {
      document.body.append(dialog);
      dialog.tabIndex = -1;
      previous.addEventListener("click", () => along(-1));
      next.addEventListener("click", () => along(1));
      close.addEventListener("click", () => dialog.close());
      dialog.addEventListener("keydown", onKey);
      dialog.addEventListener("click", (event) => {
        if (event.target === dialog) dialog.close();
      });
      dialog.addEventListener("close", () => current && current.focus());
      document.addEventListener("click", (event) => {
        const thumb = event.target.closest(".thumb");
        if (!thumb) return;
        show(thumb);
        dialog.showModal();
        dialog.focus();
      });
    }
    return { prepare };
  })();

  // Gallery ----------------------------------------------------------------------------------------------------------

  let made = 0;  // fields, for their ids

  function field(label, control) {
    control.id = `field-${++made}`;
    return element("div", { class: "field" }, element("label", { for: control.id }, label), control);
  }

  function thumbnail(file, kind, caption, note) {
    const image = element("img", { src: file, alt: caption, loading: "lazy" });
    return element("button", { type: "button", class: `thumb ${kind}`, "data-caption": caption, "data-note": note }, image);
  }

  function methodName(method) {
    return method.parameters ? `${method.name} ${method.parameters}` : method.name;
  }

  function described(picture) {
    const probability = picture.probability === null ? "" : ` ${shown(picture.probability)}`;
    const lines = [`${picture.target}${probability}`];
    if (picture.predicted !== picture.target) lines.push(`predicted ${picture.predicted}`);
    if (picture.true !== picture.target) lines.push(`true ${picture.true}`);
    return lines;
  }

  function photoCell(picture) {
    const note = described(picture).join(" · ");
    const lines = described(picture).map((line) => element("span", { class: "line" }, line));
    const name = element("a", { href: picture.page, class: "file", title: picture.file }, picture.name);
    const photo = picture.view ? thumbnail(picture.view, "photo", "photo", `${picture.name} · ${note}`) : null;
    return element("th", { scope: "row", class: "picture" }, photo, name, ...lines);
  }

  function galleryRow(data, picture, hasTruth) {
    const row = element("tr", { "data-row": true, "data-page": picture.page }, photoCell(picture));
    if (hasTruth) {
      const truth = picture.truth ? thumbnail(picture.truth, "truth", "ground truth", picture.name) : "–";
      row.append(element("td", { class: "truth" }, truth));
    }
    data.methods.forEach((method, m) => {
      const file = picture.maps[m];
      const map = file ? thumbnail(file, "heat", methodName(method), picture.name) : element("span", { class: "empty" }, "not kept");
      row.append(element("td", { "data-column": m }, map, element("span", { class: "score" })));
    });
    return row;
  }

  function galleryHead(data, hasTruth) {
    const head = (content, attributes) =>
      element("th", { scope: "col", ...attributes }, element("button", { type: "button", class: "sort" }, ...content));
    const methods = data.methods.map((method, m) =>
      head(
        [
          element("span", { class: `swatch c${m % 10}`, "aria-hidden": "true" }),
          `${method.name} `,
          element("span", { class: "params" }, method.parameters),
        ],
        { "data-column": m, title: method.complete },
      ),
    );
    const truth = hasTruth ? element("th", { scope: "col", class: "truth" }, "Ground truth") : null;
    return element("thead", {}, element("tr", {}, head(["Picture"], { class: "picture" }), truth, ...methods));
  }

  function prepareGallery(place) {
    const data = JSON.parse(place.querySelector("script").textContent);
    const hasTruth = data.pictures.some((picture) => picture.truth);
    const pictureOf = new Map();
    const body = element("tbody", {});
    for (const picture of data.pictures) {
      const row = galleryRow(data, picture, hasTruth);
      pictureOf.set(row, picture);
      body.append(row);
    }
    const table = element("table", { class: "pictures" }, galleryHead(data, hasTruth), body);
    const score = element("select", {});
    data.columns.forEach((column, i) => score.append(element("option", { value: i }, `${column.label} ${column.arrow}`)));
    const search = element("input", { type: "search", placeholder: "class or file" });
    const methods = element("input", { type: "search", placeholder: "name of a method" });
    const over = element("input", { type: "checkbox" });
    const count = element("output", { class: "muted", "aria-live": "polite" });
    const overField = element("label", { class: "check" }, over, "Over the photo");
    const tools = element("div", { class: "tools" }, field("Score", score), field("Pictures", search), field("Methods", methods), overField, count);
    const scroll = element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Gallery" }, table);
    place.append(tools, element("div", { class: "card" }, scroll));

    const rows = () => [...body.rows];
    const heads = [...table.tHead.querySelectorAll("th")].filter((head) => head.querySelector("button"));
    let sorted = null;  // the head and its direction

    const scoreAt = (row, m) => {
      const values = pictureOf.get(row).scores[Number(score.value)];
      return values ? values[m] : null;
    };
    const sort = () => {
      if (!sorted) return;
      const column = sorted.head.dataset.column;
      const valueOf = (row) => (column === undefined ? pictureOf.get(row).name : scoreAt(row, Number(column)));
      sortRows(body, rows(), valueOf, sorted.descending);
    };
    const showScores = () => {
      for (const row of rows())
        for (const cell of row.querySelectorAll("[data-column]")) {
          const text = shown(scoreAt(row, Number(cell.dataset.column)));
          cell.querySelector(".score").textContent = text;
          const thumb = cell.querySelector(".thumb");
          if (thumb) {
            const label = score.selectedOptions.length ? score.selectedOptions[0].textContent : "";
            thumb.dataset.note = `${pictureOf.get(row).name} · ${label} ${text}`;
          }
        }
      sort();
    };
    const filterPictures = () => {
      const wanted = search.value.trim().toLowerCase();
      let visible = 0;
      for (const row of rows()) {
        const picture = pictureOf.get(row);
        const text = [picture.name, picture.file, picture.target, picture.predicted, picture.true].join("\n").toLowerCase();
        row.hidden = !text.includes(wanted);
        visible += !row.hidden;
      }
      count.textContent = `${visible} of ${data.pictures.length} ${data.noun || "picture"}s`;
    };
    const filterMethods = () => {
      const wanted = methods.value.trim().toLowerCase();
      for (const cell of table.querySelectorAll("[data-column]"))
        cell.hidden = !data.methods[Number(cell.dataset.column)].complete.toLowerCase().includes(wanted);
    };
    const layOver = () => {
      const pale = "linear-gradient(rgb(255 255 255 / 50%), rgb(255 255 255 / 50%))";
      for (const row of rows())
        for (const thumb of row.querySelectorAll(".thumb.heat")) {
          const view = pictureOf.get(row).view;
          thumb.style.backgroundImage = over.checked && view ? `${pale}, url("${view}")` : "";
          thumb.classList.toggle("over", thumb.style.backgroundImage !== "");
        }
    };
    for (const head of heads)
      head.querySelector("button").addEventListener("click", () => {
        const column = data.columns[Number(score.value)];
        const better = head.dataset.column === undefined || !column ? "lower" : column.better;
        sorted = { head, descending: nextDirection(head, better) };
        markSorted(heads, head, sorted.descending);
        sort();
      });
    score.addEventListener("change", showScores);
    search.addEventListener("input", filterPictures);
    methods.addEventListener("input", filterMethods);
    over.addEventListener("change", layOver);
    showScores();
    filterPictures();
  }

  document.addEventListener("DOMContentLoaded", () => {
    prepareTheme();
    prepareHints();
    document.querySelectorAll("table[data-sortable]").forEach(prepareTable);
    document.querySelectorAll("[data-section]").forEach(prepareHighlight);
    document.querySelectorAll("[data-gallery]").forEach(prepareGallery);
    viewer.prepare();
  });
})();
