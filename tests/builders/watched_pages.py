"""Pages in Chromium, each watched for errors, dialogs, and requests beyond its own site."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

INLINE = ("data:", "blob:")
"""Addresses of what a page holds itself."""

SHOW = """([html, part]) => {
  const shown = new DOMParser().parseFromString(html, "text/html").querySelector(part);
  shown.querySelectorAll("img").forEach((image) => image.removeAttribute("src"));
  document.querySelector(part).replaceWith(shown);
  return document.documentElement.scrollWidth - window.innerWidth;
}"""
"""Puts the content of another page into this one; gives the pixels by which it is too wide."""


def wider_than_the_window(page: Any, files: Iterable[Path], part: str) -> dict[str, int]:
    """Show the content of many pages in one open page, which is fast, and measure each.

    Args:
        page: An open page of the same style sheets.
        files: HTML files.
        part: CSS selector of the element that differs between pages.

    Returns:
        By the file's name, the pixels by which the page would scroll sideways; empty if none does.
    """
    beyond = {}
    for file in files:
        excess = page.evaluate(SHOW, [file.read_text("utf-8"), part])
        if excess > 0:
            beyond[f"{file.parent.name}/{file.name}"] = excess
    return beyond


class WatchedPages:
    """Opens pages, and keeps what each asks for or complains of.

    Args:
        browser: The running browser.

    Attributes:
        faults: What was wrong on any of the pages so far.
    """

    def __init__(self, browser: Any) -> None:
        self.faults: list[str] = []
        self._browser = browser
        self._contexts: list[Any] = []

    def open(self, address: str, *within: str, height: int = 900, **options: Any) -> Any:
        """Open a page in a context of its own, 1,280 pixels wide if `viewport` does not say.

        Args:
            address: The page.
            within: Beginnings of the addresses that the page may ask for.
            height: Of the window, in pixels, if `viewport` does not say.
            options: Those of Playwright's `new_context`.
        """
        options = {"viewport": {"width": 1280, "height": height}, **options}
        context = self._browser.new_context(accept_downloads=True, **options)
        self._contexts.append(context)
        page = context.new_page()
        allowed = (*within, *INLINE)
        keep = self.faults.append
        page.on("console", lambda said: keep(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: keep(str(error)))
        page.on("dialog", lambda dialog: keep(f"dialog: {dialog.message}"))
        page.on(
            "request",
            lambda asked: None if asked.url.startswith(allowed) else keep(f"request: {asked.url}"),
        )
        page.goto(address)
        return page

    def close(self) -> None:
        """Close all pages."""
        for context in self._contexts:
            context.close()
