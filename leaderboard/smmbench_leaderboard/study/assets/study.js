/* A study: consent, one choice after the other, and the answers as a file. Nothing is sent. */
(function () {
  "use strict";
  var site = window.smmbench, make = site.make, about = null;
  var CHOICES = [["a", "A"], ["tie", "No difference"], ["b", "B"]];
  var FRAME = 1 / 24;  /* seconds of a step; a video's own rate is not told to pages */
  var at = {};
  ["intro", "trial", "end", "agree", "form", "start", "intro-says", "trial-title", "progress", "prompt", "video", "again", "pause", "seek",
    "back", "next-frame", "speed", "questions", "go", "trial-says", "end-title", "download", "end-says", "forget"].forEach(function (name) {
    at[name] = document.getElementById(name);
  });
  var trials = [], kept = null, place = 0, watched = false, since = 0;
  site.load("study", "data/study.js", function (found) { about = found; });

  /* ---- what this browser keeps until the file is handed in ---- */
  function key(form) { return "study-" + about.study + "-" + form; }
  function stored(form) {
    try {
      var found = JSON.parse(localStorage.getItem(key(form)));
      return found && found.study === about.study && Array.isArray(found.answers) ? found : null;
    } catch (error) { return null; }
  }
  function keep() {
    try { localStorage.setItem(key(kept.form), JSON.stringify(kept)); } catch (error) { /* only in memory then */ }
  }
  function token() {
    var bytes = new Uint8Array(8);
    crypto.getRandomValues(bytes);
    return Array.from(bytes, function (byte) { return ("0" + byte.toString(16)).slice(-2); }).join("");
  }

  function show(name) {
    ["intro", "trial", "end"].forEach(function (one) { at[one].hidden = one !== name; });
  }

  /* ---- start ---- */
  function start() {
    var form = Number(at.form.value);
    at["intro-says"].textContent = "";
    if (!at.agree.checked) { at["intro-says"].textContent = "Please tick the box if you agree."; at.agree.focus(); return; }
    if (!about || !(form >= 1 && form <= about.forms && form === Math.floor(form))) {
      at["intro-says"].textContent = "Please give the number of your form.";
      at.form.focus();
      return;
    }
    site.load("form-" + form, "data/form-" + form + ".js", function (found) {
      if (!found) { at["intro-says"].textContent = "The form did not load."; return; }
      trials = found;
      kept = stored(form) || { schema_version: 1, study: about.study, form: form, rater: token(), consent: true, answers: [] };
      place = Math.floor(kept.answers.length / about.questions.length);
      if (place >= trials.length) { finish(); } else { next(); }
    });
  }

  /* ---- one choice ---- */
  function next() {
    var trial = trials[place];
    show("trial");
    watched = false;
    since = performance.now();
    at["trial-says"].textContent = "";
    at["trial-title"].textContent = "Choice " + (place + 1) + " of " + trials.length;
    at.progress.max = trials.length;
    at.progress.value = place;
    at.prompt.replaceChildren(make("bdi", {}, trial[2]));
    at.video.src = trial[1];
    at.video.playbackRate = Number(at.speed.value);
    at.questions.replaceChildren.apply(at.questions, about.questions.map(function (question) {
      return make("fieldset", { "data-question": question[0] }, [
        make("legend", {}, question[1]),
        make("div", { "class": "choices" }, CHOICES.map(function (choice) {
          return make("label", {}, [make("input", { type: "radio", name: question[0], value: choice[0] }), make("span", {}, choice[1])]);
        }))
      ]);
    }));
    at["trial-title"].focus();
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) { play(); }
  }
  function play() {
    var started = at.video.play();
    if (started) { started.catch(function () { /* the browser waits for the rater */ }); }
  }
  function chosen(question) {
    var input = at.questions.querySelector("input[name='" + question + "']:checked");
    return input ? input.value : "";
  }
  function go() {
    var open = about.questions.filter(function (question) { return !chosen(question[0]); });
    if (!watched) { at["trial-says"].textContent = "Please watch the video to its end once."; return; }
    if (open.length) {
      at["trial-says"].textContent = "Please answer: " + open[0][1];
      at.questions.querySelector("input[name='" + open[0][0] + "']").focus();
      return;
    }
    var milliseconds = Math.min(86400000, Math.round(performance.now() - since));
    about.questions.forEach(function (question) {
      kept.answers.push({ trial: trials[place][0], question: question[0], choice: chosen(question[0]), milliseconds: milliseconds });
    });
    keep();
    place += 1;
    if (place < trials.length) { next(); } else { finish(); }
  }
  function step(by) {
    at.video.pause();
    at.video.currentTime = Math.min(Math.max(0, at.video.currentTime + by * FRAME), at.video.duration || 0);
  }

  function tick() {
    var video = at.video;
    if (!at.trial.hidden) {
      at.pause.textContent = video.paused ? "Play" : "Pause";
      if (document.activeElement !== at.seek || !video.paused) {
        at.seek.value = Math.round(1000 * (video.duration ? video.currentTime / video.duration : 0));
      }
    }
    requestAnimationFrame(tick);
  }
  function seek() {
    at.video.pause();
    if (at.video.duration) { at.video.currentTime = at.seek.value / 1000 * at.video.duration; }
  }

  /* ---- the end ---- */
  function finish() {
    at.video.removeAttribute("src");
    at.video.load();
    show("end");
    at["end-title"].focus();
  }
  function download() {
    var name = "answers-" + about.study + "-" + kept.form + "-" + kept.rater + ".json";
    var address = URL.createObjectURL(new Blob([JSON.stringify(kept, null, 1) + "\n"], { type: "application/json" }));
    var link = make("a", { href: address, download: name });
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(function () { URL.revokeObjectURL(address); }, 10000);
    at["end-says"].textContent = "Saved as " + name + ".";
  }
  function forget() {
    try { localStorage.removeItem(key(kept.form)); } catch (error) { /* there is none then */ }
    at["end-says"].textContent = "Deleted from this browser.";
  }

  at.form.value = site.state().form || "";
  at.start.addEventListener("click", start);
  at.go.addEventListener("click", go);
  at.again.addEventListener("click", function () { at.video.currentTime = 0; play(); });
  at.pause.addEventListener("click", function () { if (at.video.paused) { play(); } else { at.video.pause(); } });
  at.seek.addEventListener("input", seek);
  at.back.addEventListener("click", function () { step(-1); });
  at["next-frame"].addEventListener("click", function () { step(1); });
  at.speed.addEventListener("change", function () { at.video.playbackRate = Number(at.speed.value); });
  at.video.addEventListener("ended", function () { watched = true; at["trial-says"].textContent = ""; });
  at.video.addEventListener("error", function () {
    if (at.video.getAttribute("src")) { watched = true; at["trial-says"].textContent = "The video did not load."; }
  });
  at.download.addEventListener("click", download);
  at.forget.addEventListener("click", forget);
  requestAnimationFrame(tick);
})();
