"""The report as a browser shows it: phone, desk, night, paper, and without a network."""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from comparisons.pages.report import report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
PROGRAM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(PROGRAM is None, reason=f"none of {', '.join(NAMES)} on PATH")

PATIENCE = 60.0  # seconds for an answer of the browser
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
DUPLICATES = """
[...document.querySelectorAll('[id]')].map(one => one.id)
  .filter((id, at, every) => every.indexOf(id) !== at)"""
NAMELESS = """
[...document.querySelectorAll('svg')].filter(one => one.ariaHidden !== 'true'
  && !(one.getAttribute('role') === 'img' && one.ariaLabel && one.querySelector('title'))).length
  + [...document.querySelectorAll('img:not([alt])')].length"""
HEADINGS = "[...document.querySelectorAll('h1, h2, h3, h4')].map(one => Number(one.tagName[1]))"
HIDDEN = """
[...document.querySelectorAll('details tbody')].filter(one => !one.checkVisibility()
  || one.getBoundingClientRect().height < 10).length"""
# WCAG 2.1, 1.4.3: (lighter + 0.05) / (darker + 0.05) of the text and of what lies behind it
FAINT = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = colour => rgba(colour).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = element => {
    const colour = getComputedStyle(element).backgroundColor;
    return rgba(colour)[3] === 255 || !element.parentElement ? colour
      : behind(element.parentElement);
  };
  const own = element => [...element.childNodes]
    .some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
  return [...document.body.querySelectorAll(':not(svg, svg *)')].filter(own)
    .map(element => {
      const pair = [light(getComputedStyle(element).color), light(behind(element))];
      return [(Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05), element.textContent];
    })
    .filter(([ratio]) => ratio < 4.5);
})()"""


class Browser:
    """Chromium without a window, which speaks the DevTools protocol over two pipes."""

    def __init__(self, profile: Path) -> None:
        theirs, self.out = _pipe()
        self.into, theirs_out = _pipe()
        flags = ["--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}"]
        flags += ["--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
        flags += ["--no-sandbox"] * (os.geteuid() == 0)  # which root may not have
        flags += ["--host-resolver-rules=MAP * ~NOTFOUND"]
        quiet = os.open(os.devnull, os.O_RDWR)
        self.process = os.posix_spawn(
            PROGRAM,
            [PROGRAM, *flags],
            os.environ,
            setpgroup=0,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, quiet, 1),
                (os.POSIX_SPAWN_DUP2, quiet, 2),
                (os.POSIX_SPAWN_DUP2, theirs, 3),
                (os.POSIX_SPAWN_DUP2, theirs_out, 4),
            ],
        )
        for end in (theirs, theirs_out, quiet):
            os.close(end)
        self.buffer, self.events, self.asked, self.session = b"", [], 0, None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self.asked += 1
        message = {"id": self.asked, "method": method, "params": params}
        if self.session is not None:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self.asked:
            self.events.append(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def open(self, path: Path, width: int, scheme: str = "light", media: str = "screen") -> None:
        """Load a page as a window of a width shows it."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.ask("Emulation.setEmulatedMedia", media=media, features=[feature])
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        self.events.clear()
        self.ask("Page.navigate", url=path.as_uri())
        self.evaluate(
            "new Promise(done => document.readyState === 'complete' ? done()"
            " : addEventListener('load', done))"
        )

    def evaluate(self, expression: str) -> Any:
        found = self.ask(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def complaints(self) -> list[dict[str, Any]]:
        """Return what the page wrote to its console."""
        told = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [one for one in self.events if one.get("method") in told]

    def fetched(self) -> list[str]:
        """Return the addresses that the page asked for."""
        sent = [one for one in self.events if one.get("method") == "Network.requestWillBeSent"]
        return [one["params"]["request"]["url"] for one in sent]

    def close(self) -> None:
        os.close(self.out)
        os.close(self.into)
        os.killpg(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)

    def _next(self) -> dict[str, Any]:
        until = time.monotonic() + PATIENCE
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.into], [], [], max(until - time.monotonic(), 0))
            part = os.read(self.into, 1 << 16) if ready else b""
            if not part:
                raise TimeoutError("the browser does not answer")
            self.buffer += part
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)


def _pipe() -> tuple[int, int]:
    """Return a pipe whose ends lie above the two numbers that the browser listens at."""
    low = os.pipe()
    high = tuple(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in low)
    for end in low:
        os.close(end)
    return high


@contextmanager
def browsing(profile: Path) -> Iterator[Browser]:
    browser = Browser(profile)
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Browser]:
    with browsing(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def page(story, tmp_path_factory) -> Path:
    told = story("coins")
    path = tmp_path_factory.mktemp("report") / "flips.html"
    page = report(told.comparison, "second-opinion study coins", told)
    path.write_text(page, "utf-8")
    return path


@pytest.fixture
def spoiled(page, tmp_path):
    """Return the page with something put in at its end."""

    def put(html: str) -> Path:
        path = tmp_path / "spoiled.html"
        path.write_text(page.read_text("utf-8").replace("</main>", f"{html}</main>"), "utf-8")
        return path

    return put


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_window(width, browser, page, spoiled):
    browser.open(page, width)
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate(OVERFLOW) <= 0
    browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert browser.evaluate(OVERFLOW) <= 0
    browser.open(spoiled('<div style="width: 2000px; height: 1px"></div>'), width)
    assert browser.evaluate(OVERFLOW) > 0


def test_words_that_are_not_shown_make_no_page_wider(browser, spoiled):
    """A gap beyond its threshold says so unseen, in a column that lies beyond a phone."""
    far = '<span class="unseen" style="margin-left: 1900px">beyond the threshold</span>'
    browser.open(spoiled(f'<div class="scroll"><p style="width: 2000px">{far}</p></div>'), 390)
    assert browser.evaluate(OVERFLOW) == 0


def test_wide_tables_scroll_inside_their_own_box_by_keyboard_too(browser, page):
    browser.open(page, 390)
    boxes = """[...document.querySelectorAll('.scroll')]
      .filter(one => one.scrollWidth > one.clientWidth)"""
    assert browser.evaluate(f"{boxes}.length") > 0
    assert browser.evaluate(f"{boxes}.every(one => one.tabIndex === 0 && one.ariaLabel)")


def test_a_hint_says_that_a_table_scrolls_only_where_it_does(browser, page, spoiled):
    """The hint takes room and is seen if and only if something lies beyond the box."""
    boxes = """[...document.querySelectorAll('.scroll')].filter(one => one.checkVisibility())
      .map(one => [one.scrollWidth > one.clientWidth,
        ['width', 'height'].map(of => one.querySelector('.hint').getBoundingClientRect()[of])])"""
    seen = {}
    for width in (390, 1280):
        browser.open(page, width)
        unfold = "document.querySelectorAll('details').forEach(one => { one.open = true; })"
        browser.evaluate(unfold)
        seen[width] = browser.evaluate(boxes)
        for beyond, (wide, high) in seen[width]:
            assert (wide > 40) == (high > 20) == beyond
            assert beyond or wide == high == 0
    assert any(beyond for beyond, _ in seen[390])
    assert not any(beyond for beyond, _ in seen[1280])
    browser.open(page, 390, media="print")
    assert browser.evaluate("getComputedStyle(document.querySelector('.hint')).display") == "none"


def test_phones_and_desks_have_pictures_of_their_own(browser, page):
    shown = """[...document.querySelectorAll('.plate svg')].filter(one => one.checkVisibility())
      .map(one => [one.classList[0], ...[...one.querySelectorAll('text')].map(text =>
        parseFloat(getComputedStyle(text).fontSize) * one.getScreenCTM().a)])"""
    for width, kind, least in ((390, "phone", 9), (1280, "desk", 10)):
        browser.open(page, width)
        every = browser.evaluate(shown)
        assert len(every) == browser.evaluate("document.querySelectorAll('.plate').length")
        assert {name for name, *_ in every} == {kind}
        assert min(size for _, *sizes in every for size in sizes) >= least
    browser.open(page, 390)
    browser.evaluate("document.querySelectorAll('.phone').forEach(one => one.remove())")
    browser.evaluate("document.querySelectorAll('.desk').forEach(one => one.style.display='block')")
    small = browser.evaluate(shown)  # negative control: a desk's picture on a phone
    assert max(min(sizes) for _, *sizes in small) < 6


def test_nothing_is_fetched_and_nothing_complained_of(browser, page, spoiled):
    browser.open(page, 1280)
    assert browser.complaints() == []
    fetched = [one for one in browser.fetched() if not one.startswith("data:")]
    assert fetched == [page.as_uri()]


@pytest.mark.parametrize("tag", ["img alt=''", "iframe", "script", "audio"])
def test_what_lies_elsewhere_is_kept_out_and_complained_of(tag, browser, spoiled):
    browser.open(spoiled(f"<{tag} src='http://127.0.0.1:9/x'></{tag.split()[0]}>"), 1280)
    assert any("Content Security Policy" in json.dumps(one) for one in browser.complaints())


def test_no_script_runs_even_if_one_had_come_in(browser, spoiled):
    browser.open(spoiled("<script>document.title = 'changed'</script>"), 1280)
    assert browser.evaluate("document.title").endswith("Second Opinion")


def test_ids_are_unique_pictures_have_names_and_headings_skip_no_level(browser, page, spoiled):
    browser.open(page, 1280)
    assert browser.evaluate(DUPLICATES) == []
    assert browser.evaluate(NAMELESS) == 0
    levels = browser.evaluate(HEADINGS)
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) <= 1
    assert browser.evaluate("document.querySelectorAll('th:not([scope])').length") == 0
    browser.open(spoiled('<p id="causes"></p><svg></svg><h4>too deep</h4><h2></h2><h4></h4>'), 1280)
    assert browser.evaluate(DUPLICATES) == ["causes"]
    assert browser.evaluate(NAMELESS) == 1
    assert max(np.diff(browser.evaluate(HEADINGS))) > 1


def test_the_night_is_dark_and_so_are_pictures_but_not_on_paper(browser, page, spoiled):
    plate = "getComputedStyle(document.querySelector('.plate')).backgroundColor"
    letters = "getComputedStyle(document.querySelector('.plate svg text')).fill"
    behind = "getComputedStyle(document.querySelector('.plate path')).fill"
    seen = {}
    for scheme, media in (("light", "screen"), ("dark", "screen"), ("dark", "print")):
        browser.open(page, 1280, scheme, media)
        told = [browser.evaluate(one) for one in (BACKGROUND, plate, letters, behind)]
        seen[scheme, media] = told
    white, black = "rgb(255, 255, 255)", "rgb(0, 0, 0)"
    night = seen["dark", "screen"]
    assert night[0] != seen["light", "screen"][0]
    assert white not in night
    assert black not in night
    assert night[1] == night[3]  # the picture's paper is that of its frame
    for day in (seen["light", "screen"], seen["dark", "print"]):
        assert day[1:] == [white, black, white]
    browser.open(spoiled('<p id="own" style="fill: #d55e00">mark</p>'), 1280, "dark")
    fixed = "getComputedStyle(document.querySelector('#own')).fill"
    assert browser.evaluate(fixed) == "rgb(213, 94, 0)"  # negative control: no variable


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_easy_to_tell_from_what_lies_behind_it(scheme, browser, page, spoiled):
    browser.open(page, 1280, scheme)
    browser.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert browser.evaluate(FAINT) == []
    browser.open(spoiled('<p style="color: #888">faint</p>'), 1280, scheme)
    browser.evaluate("document.querySelector('main > p').style.background = '#777'")
    assert [text for _, text in browser.evaluate(FAINT)] == ["faint"]


def test_paper_shows_what_is_folded_on_the_screen(browser, page):
    browser.open(page, 700, media="print")
    assert browser.evaluate(HIDDEN) == 0
    assert browser.evaluate(OVERFLOW) <= 0
    browser.open(page, 700)
    assert browser.evaluate(HIDDEN) > 0
