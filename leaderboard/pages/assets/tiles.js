/* Tiles: one frame of each preview, which plays while it is hovered over or has the focus. Without
   scripts the whole sheet of frames is shown instead. */
(function () {
  "use strict";
  [].forEach.call(document.querySelectorAll("img.pic[data-sheet]"), function (image) {
    var of = image.getAttribute("data-sheet").split(" ").map(Number);
    var frames = of[0], columns = of[1], width = of[2], height = of[3], fps = of[4];
    var factor = Math.max(1, Math.round(320 / width));
    var canvas = window.smmbench.make("canvas", { "class": "pic", width: width * factor, height: height * factor });
    if (image.alt) { canvas.setAttribute("role", "img"); canvas.setAttribute("aria-label", image.alt); }
    else { canvas.setAttribute("aria-hidden", "true"); }
    var timer = null, still = Math.floor(frames / 2);
    function draw(frame) {
      var x = frame % columns * width, y = Math.floor(frame / columns) * height;
      var context = canvas.getContext("2d");
      context.imageSmoothingQuality = "high";
      context.drawImage(image, x, y, width, height, 0, 0, canvas.width, canvas.height);
    }
    function swap() {
      image.replaceWith(canvas);
      draw(still);
      var box = canvas.closest("a") || canvas;
      ["mouseenter", "focus"].forEach(function (name) { box.addEventListener(name, play); });
      ["mouseleave", "blur"].forEach(function (name) { box.addEventListener(name, stop); });
    }
    function play() {
      var since = performance.now();
      function step(now) {
        draw(Math.floor((now - since) / 1000 * fps) % frames);
        timer = requestAnimationFrame(step);
      }
      cancelAnimationFrame(timer);
      timer = requestAnimationFrame(step);
    }
    function stop() { cancelAnimationFrame(timer); draw(still); }
    if (image.complete && image.naturalWidth) { swap(); } else { image.addEventListener("load", swap); }
  });
})();
