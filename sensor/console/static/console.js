// Everything works without this: it says when there is something new to see.
"use strict";
(() => {
  const news = document.getElementById("news");
  if (!news || !document.querySelector("header .who") || !window.EventSource) return;
  let known = null;
  const events = new EventSource("/events");
  events.addEventListener("generation", (event) => {
    if (known !== null && event.data !== known) news.hidden = false;
    known = event.data;
  });
  addEventListener("pagehide", () => events.close());
})();
