/* The pair viewer. Every pane holds all frames of its video in one image, and one clock draws all
   panes in the same step: they cannot drift apart. */
(function () {
  "use strict";
  var site = window.smmbench, make = site.make;
  var boards = JSON.parse(document.getElementById("boards").textContent);
  var panesAt = document.getElementById("panes"), says = document.getElementById("says");
  var root = document.body.getAttribute("data-root");
  var field = {}, deck = {};
  ["board", "clip", "edit", "seed", "add"].forEach(function (name) { field[name] = document.getElementById("choose-" + name); });
  ["play", "back", "next", "first", "at", "frame", "speed", "loop", "tracks", "flicker"].forEach(function (name) {
    deck[name] = document.getElementById("deck-" + name);
  });
  var SERIES = 6, CANVAS = 480;  /* number of colours; minimum width of a canvas */
  var state, board, clip, sheet, panes = [], frame = 0, playing = false, since = 0, from = 0, turn = 0;
  var wide = 700;  /* width of the plot over frames */

  /* ---- clock: one step draws every pane ---- */
  function fps() { return sheet.fps * Number(deck.speed.value); }
  function tick(now) {
    if (playing) {
      var at = from + Math.floor((now - since) / 1000 * fps());
      if (at >= sheet.frames) {
        if (deck.loop.getAttribute("aria-pressed") === "true") { at %= sheet.frames; }
        else { at = sheet.frames - 1; play(false); }
      }
      if (at !== frame) { frame = at; draw(); }
    }
    if (deck.flicker.value) {
      var side = Math.floor(now / 350) % 2;
      if (side !== turn) { turn = side; draw(); }
    }
    requestAnimationFrame(tick);
  }
  function play(on) {
    playing = on;
    if (on && frame === sheet.frames - 1 && deck.loop.getAttribute("aria-pressed") !== "true") { frame = 0; }
    from = frame;
    since = performance.now();
    deck.play.textContent = on ? "❚❚" : "▶";
    deck.play.setAttribute("aria-label", on ? "Pause" : "Play");
    if (!on) { remember(); }
    draw();
  }
  function go(to) {
    if (playing) { play(false); }
    frame = Math.min(Math.max(to, 0), sheet.frames - 1);
    draw();
    remember();
  }

  /* ---- drawing ---- */
  function draw() {
    panes.forEach(function (pane) {
      if (pane.canvas) {
        var shown = pane.flicker ? pane.flicker[turn] : pane;
        if (pane.flicker) { pane.title.textContent = shown.label; }
        paint(pane, shown);
      }
    });
    deck.at.value = frame;
    deck.at.setAttribute("aria-valuetext", "frame " + (frame + 1) + " of " + sheet.frames);
    deck.frame.textContent = frame + 1 + " / " + sheet.frames;
    var now = document.querySelector(".lines .now");
    if (now) { now.setAttribute("d", "M" + place(frame) + " 8V132"); }
  }
  function paint(pane, shown) {
    var context = pane.canvas.getContext("2d"), image = shown.image;
    var width = pane.canvas.width, height = pane.canvas.height;
    if (!image || !image.naturalWidth) { context.clearRect(0, 0, width, height); return; }
    var x = frame % sheet.columns * sheet.width, y = Math.floor(frame / sheet.columns) * sheet.height;
    context.imageSmoothingQuality = "high";
    context.drawImage(image, x, y, sheet.width, sheet.height, 0, 0, width, height);
    if (deck.tracks.getAttribute("aria-pressed") === "true" && shown.tracks) { trails(context, shown.tracks, width); }
  }
  function trails(context, tracks, width) {
    var scale = width / sheet.whole, tail = Math.max(4, Math.round(sheet.frames / 3));
    context.lineWidth = Math.max(1.2, width / 400);
    tracks.forEach(function (track, place) {
      var hue = Math.round(place * 137.5) % 360;
      if (track.seen[frame] !== "1") { return; }
      context.strokeStyle = "hsl(" + hue + " 95% 58%)";
      context.fillStyle = context.strokeStyle;
      context.beginPath();
      for (var t = Math.max(0, frame - tail); t <= frame; t++) {
        context.lineTo(track.x[t] * scale, track.y[t] * scale);
      }
      context.stroke();
      context.beginPath();
      context.arc(track.x[frame] * scale, track.y[frame] * scale, context.lineWidth * 1.6, 0, 7);
      context.fill();
    });
  }
  function unpacked(tracks) {
    return tracks.map(function (track) {
      var x = [], y = [], atX = 0, atY = 0;
      for (var place = 0; place < track[0].length; place += 2) {
        atX += track[0][place]; atY += track[0][place + 1];
        x.push(atX / 4); y.push(atY / 4);
      }
      return { x: x, y: y, seen: track[1] };
    });
  }

  /* ---- panes ---- */
  function pane_of(label, name, control) {
    var pane = { label: label, name: name };
    pane.title = make("span", {}, make("bdi", {}, label));
    if (control) { pane.title.appendChild(make("span", { "class": "tag" }, "control")); }
    var head = make("h3", {}, pane.title);
    if (name) {
      var close = make("button", { type: "button", "aria-label": "Remove " + label }, "×");
      close.addEventListener("click", function () {
        state.rows = rows().filter(function (one) { return one !== name; }).join(",");
        show();
      });
      head.appendChild(close);
    }
    pane.body = make("div", { "class": "body" });
    pane.about = make("div", { "class": "about" });
    pane.box = make("article", { "class": "pane", "data-row": name || "source" }, [head, pane.body, pane.about]);
    return pane;
  }
  function fill(pane, preview, alt) {
    var factor = Math.max(1, Math.round(CANVAS / sheet.width));
    pane.canvas = make("canvas", { width: sheet.width * factor, height: sheet.height * factor, role: "img", "aria-label": alt });
    pane.body.replaceChildren(pane.canvas);
    pane.image = new Image();
    pane.image.onload = draw;
    pane.image.src = root + preview;
  }
  function none(pane, head, words) {
    pane.body.replaceChildren(make("div", { "class": "none" }, [make("b", {}, head), words]));
  }
  function facts(pane, pair) {
    var list = make("dl", { "class": "card" });
    board.columns.forEach(function (column) {
      if (column.name in pair.values) {
        list.appendChild(make("dt", {}, column.title));
        list.appendChild(make("dd", {}, site.number(pair.values[column.name])));
      }
    });
    pane.about.appendChild(list);
    if (pair.marks) {
      pane.about.appendChild(make("p", { "class": "bad" }, "Marked: " + pair.marks.map(function (name) {
        return board.rules[name] || name;
      }).join("; ") + ". It counts as the worst on motion."));
    }
    if (pair.why) {
      var chain = make("ul", { "class": "chain" });
      pair.why.forEach(function (link) {
        var kind = link[2] === true ? "yes" : link[2] === false ? "no" : "open";
        chain.appendChild(make("li", { "class": kind }, [make("b", {}, link[0] + ": "), link[1]]));
      });
      var command = "smmbench why " + quoted(pane.label) + " motion_fidelity " + state.path + " RESULTS";
      pane.about.appendChild(make("details", {}, [
        make("summary", {}, "Where the number comes from"), chain,
        make("p", {}, "To check every link, pixels included:"), make("pre", {}, command)
      ]));
    }
  }
  function quoted(text) { return /^[\w.+-]+$/.test(text) ? text : "'" + text.replace(/'/g, "'\\''") + "'"; }

  /* ---- text similarity by frame ---- */
  function place(at) { return 34 + (sheet.frames > 1 ? at / (sheet.frames - 1) : 0) * (wide - 48); }
  function lines() {
    var box = document.getElementById("lines"), known = panes.filter(function (pane) { return pane.text; });
    box.replaceChildren();
    document.getElementById("by-frame").hidden = !known.length;
    if (!known.length) { return; }
    wide = site.width(box);
    var all = [].concat.apply([], known.map(function (pane) { return pane.text; })).filter(function (v) { return v !== null; });
    var low = Math.min.apply(null, all), high = Math.max.apply(null, all);
    if (high - low < 0.05) { low -= 0.025; high += 0.025; }
    function up(value) { return 132 - (value - low) / (high - low) * 120; }
    var svg = make("svg", { "class": "lines", viewBox: "0 0 " + wide + " 150", role: "img", "aria-label": "Text similarity by frame" }, [
      make("path", { "class": "axis", d: "M34 12V132H" + (wide - 14) }),
      make("text", { x: 30, y: 16, "text-anchor": "end" }, site.number(high).slice(0, -1)),
      make("text", { x: 30, y: 132, "text-anchor": "end" }, site.number(low).slice(0, -1)),
      make("text", { x: 34, y: 147 }, "frame 1"),
      make("text", { x: wide - 14, y: 147, "text-anchor": "end" }, sheet.frames)
    ]);
    var legend = make("p", { "class": "legend" });
    known.forEach(function (pane, at) {
      var path = "";
      pane.text.forEach(function (value, t) {
        if (value !== null) { path += (path ? "L" : "M") + place(t).toFixed(1) + " " + up(value).toFixed(1); }
      });
      svg.appendChild(make("path", { "class": "s c" + at % SERIES, d: path }));
      legend.appendChild(make("span", {}, [make("span", { "class": "swatch s" + at % SERIES }), make("bdi", {}, pane.label)]));
    });
    svg.appendChild(make("path", { "class": "now", d: "" }));
    box.appendChild(svg);
    box.appendChild(legend);
  }

  /* ---- selection ---- */
  function rows() { return (state.rows || "").split(",").filter(Boolean); }
  function named(list, name) { return list.filter(function (one) { return one.slug === name; })[0] || list[0]; }
  function here(row) { return !row.clips || row.clips.indexOf(clip.slug) >= 0; }  /* whether the row has videos of this clip */
  function options(select, list, chosen) {
    select.replaceChildren.apply(select, list.map(function (one) {
      var made = make("option", { value: one[0] }, one[1]);
      made.selected = one[0] === chosen;
      return made;
    }));
  }
  function remember() {
    site.keep({
      board: state.board, pair: state.pair, rows: state.rows, frame: frame || "",
      tracks: deck.tracks.getAttribute("aria-pressed") === "true" ? 1 : "", flicker: deck.flicker.value
    });
  }
  function start() {
    state = site.state();
    if (!boards.some(function (one) { return one[0] === state.board; })) { state.board = boards[0][0]; }
    site.load("board/" + state.board, state.board + "/data/board.js", function (found) {
      if (!found) { says.textContent = "The data of this board did not load."; return; }
      board = found;
      frame = Number(state.frame) || 0;
      deck.tracks.setAttribute("aria-pressed", state.tracks ? "true" : "false");
      show(state.flicker);
    });
  }
  function show(flicker) {
    var asked = (state.pair || "").split("/");
    clip = named(board.clips, asked[0]);
    var edit = named(clip.edits, asked[1]);
    var seeds = board.seeds.map(String), seed = seeds.indexOf(asked[2]) >= 0 ? asked[2] : seeds[0];
    state.pair = clip.slug + "/" + edit.slug + "/" + seed;
    state.path = clip.name + "/" + edit.name + "/" + seed;
    sheet = clip.sheet;
    frame = Math.min(frame, sheet.frames - 1);
    var known = rows().filter(function (name) { return board.rows.some(function (row) { return row.slug === name; }); });
    if (!known.length) {
      var some = board.rows.filter(here);
      known = (some.length ? some : board.rows).slice(0, 2).map(function (row) { return row.slug; });
    }
    state.rows = known.join(",");
    options(field.board, boards, state.board);
    options(field.clip, board.clips.map(function (one) { return [one.slug, one.name]; }), clip.slug);
    options(field.edit, clip.edits.map(function (one) { return [one.slug, one.prompt || one.name]; }), edit.slug);
    options(field.seed, seeds.map(function (one) { return [one, one]; }), seed);
    options(field.add, [["", "choose"]].concat(board.rows.filter(function (row) {
      return known.indexOf(row.slug) < 0 && here(row);
    }).map(function (row) { return [row.slug, row.label + (row.kind === "control" ? " (control)" : "")]; })), "");
    says.replaceChildren.apply(says, clip.prompt
      ? ["From ", make("q", {}, make("bdi", {}, clip.prompt)), " to ", make("q", {}, make("bdi", {}, edit.prompt))]
      : [make("q", {}, make("bdi", {}, edit.prompt || edit.name))]);
    deck.at.max = sheet.frames - 1;
    panes = [pane_of("Source", "")];
    if (clip.source) { fill(panes[0], clip.source, "Source: " + (clip.prompt || clip.name)); }
    else { none(panes[0], "", "The source is not on this site."); }
    var mine = panes, left = known.length;
    known.forEach(function (name) {
      var row = named(board.rows, name), pane = pane_of(row.label, name, row.kind === "control");
      panes.push(pane);
      if (!here(row)) {
        none(pane, "", row.clips.length ? "This row has no result of this clip." : "A published row: its videos are not on this site.");
        left -= 1;
        return;
      }
      var data = state.board + "/data/" + name + "/" + clip.slug;
      site.load(data, data + ".js", function (pairs) {
        if (mine !== panes) { return; }  /* the selection has changed in the meantime */
        var pair = pairs && pairs[edit.slug + "/" + seed];
        if (!pair) { none(pane, "Missing", "This row has no result of this pair."); }
        else if (pair.failure) { none(pane, "Failed: " + pair.failure[0], "While it ran " + pair.failure[1] + ": " + pair.failure[2]); }
        else if (!pair.preview) { none(pane, "", pair.status === "missing" ? "This pair was not run." : "Its video is not there."); }
        else { fill(pane, pair.preview, row.label + ": " + (edit.prompt || edit.name)); }
        if (pair) {
          pane.text = pair.text;
          facts(pane, pair);
          if (pair.tracks) {
            site.load("tracks/" + pair.tracks, "tracks/" + pair.tracks + ".js", function (tracks) {
              if (!tracks) { return; }
              pane.tracks = unpacked(tracks.output);
              if (!mine[0].tracks) { mine[0].tracks = unpacked(tracks.source); }
              draw();
            });
          }
        }
        left -= 1;
        if (!left) { ready(flicker); }
      });
    });
    panesAt.replaceChildren.apply(panesAt, panes.map(function (pane) { return pane.box; }));
    if (!left) { ready(flicker); }
    draw();
    remember();
  }
  function ready(flicker) {
    var pictures = panes.filter(function (pane) { return pane.canvas; }), pairs = [["", "off"]];
    pictures.forEach(function (one, a) {
      pictures.slice(a + 1).forEach(function (other) {
        pairs.push([(one.name || "source") + "~" + (other.name || "source"), one.label + " and " + other.label]);
      });
    });
    options(deck.flicker, pairs, flicker || "");
    lines();
    flick();
  }
  function flick() {
    panes = panes.filter(function (pane) { return !pane.flicker; });
    var old = panesAt.querySelector("[data-row='flicker']");
    if (old) { old.remove(); }
    if (deck.flicker.value) {
      var sides = deck.flicker.value.split("~").map(function (name) {
        return panes.filter(function (pane) { return (pane.name || "source") === name; })[0];
      });
      if (sides[0] && sides[1]) {
        var pane = pane_of("Flicker", "");
        pane.box.setAttribute("data-row", "flicker");
        pane.flicker = sides;
        pane.canvas = make("canvas", { width: sides[0].canvas.width, height: sides[0].canvas.height, role: "img",
          "aria-label": "Flicker between " + sides[0].label + " and " + sides[1].label });
        pane.body.appendChild(pane.canvas);
        panes.unshift(pane);
        panesAt.insertBefore(pane.box, panesAt.firstChild);
      }
    }
    draw();
    remember();
  }

  /* ---- controls ---- */
  function pressed(button) {
    var on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", on ? "true" : "false");
  }
  deck.play.addEventListener("click", function () { play(!playing); });
  deck.back.addEventListener("click", function () { go(frame - 1); });
  deck.next.addEventListener("click", function () { go(frame + 1); });
  deck.first.addEventListener("click", function () { go(0); });
  deck.at.addEventListener("input", function () { go(Number(deck.at.value)); });
  deck.speed.addEventListener("change", function () { from = frame; since = performance.now(); });
  deck.loop.addEventListener("click", function () { pressed(deck.loop); });
  deck.tracks.addEventListener("click", function () { pressed(deck.tracks); draw(); remember(); });
  deck.flicker.addEventListener("change", flick);
  field.board.addEventListener("change", function () {
    location.hash = "board=" + field.board.value;
  });
  ["clip", "edit", "seed"].forEach(function (name) {
    field[name].addEventListener("change", function () {
      state.pair = field.clip.value + "/" + (name === "clip" ? "" : field.edit.value) + "/" + field.seed.value;
      show(deck.flicker.value);
    });
  });
  field.add.addEventListener("change", function () {
    if (field.add.value) { state.rows = rows().concat(field.add.value).join(","); show(deck.flicker.value); }
  });
  function step_pair(by) {
    var order = [];
    board.clips.forEach(function (one) {
      one.edits.forEach(function (edit) {
        board.seeds.forEach(function (seed) { order.push(one.slug + "/" + edit.slug + "/" + seed); });
      });
    });
    var at = (order.indexOf(state.pair) + by + order.length) % order.length;
    state.pair = order[at];
    show(deck.flicker.value);
  }
  document.getElementById("pair-back").addEventListener("click", function () { step_pair(-1); });
  document.getElementById("pair-next").addEventListener("click", function () { step_pair(1); });
  document.addEventListener("keydown", function (event) {
    var tag = event.target.tagName;
    if (event.ctrlKey || event.metaKey || event.altKey || tag === "SELECT" || tag === "INPUT" || tag === "TEXTAREA") { return; }
    var act = {
      " ": tag === "BUTTON" || tag === "SUMMARY" ? null : function () { play(!playing); },
      ArrowLeft: function () { go(frame - 1); }, ArrowRight: function () { go(frame + 1); },
      Home: function () { go(0); }, End: function () { go(sheet.frames - 1); },
      l: function () { deck.loop.click(); }, t: function () { deck.tracks.click(); },
      n: function () { step_pair(1); }, p: function () { step_pair(-1); }
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  window.addEventListener("hashchange", start);
  start();
  requestAnimationFrame(tick);
})();
