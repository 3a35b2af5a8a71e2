"""Pages in Chromium, each watched for errors, dialogs, and requests beyond its own site."""

from __future__ import annotations

from typing import Any

INLINE = ("data:", "blob:")
"""Addresses of what a page holds itself."""


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
