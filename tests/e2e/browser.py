"""A page in a real Chromium without a screen: what it shows, asks for and complains of, by the DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import websockets

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PHONE, DESKTOP = (390, 844), (1280, 900)
ANSWER_S = 30.0
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic", "--remote-debugging-port=0",
)  # fmt: skip


class NoBrowser(Exception):
    """None of the programs is there."""


class Page:
    """`asked`: every address it asked for. `complaints`: errors of its scripts and of its policy."""

    def __init__(self, link: websockets.ClientConnection) -> None:
        self._link, self._numbers = link, itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self.asked: list[str] = []
        self.complaints: list[str] = []

    async def listen(self) -> None:
        async for message in self._link:
            told = msgspec.json.decode(message)
            if (number := told.get("id")) is not None:
                self._waiting.pop(number).set_result(told)
            elif told["method"] == "Network.requestWillBeSent":
                self.asked.append(told["params"]["request"]["url"])
            elif told["method"] in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(str(told["params"]))

    def forget(self) -> None:
        """What was asked for and complained of so far."""
        self.asked.clear()
        self.complaints.clear()

    async def tell(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._link.send(msgspec.json.encode({"id": number, "method": method, "params": parameters}).decode())
        async with asyncio.timeout(ANSWER_S):
            told = await answer
        assert "error" not in told, told
        return told["result"]

    async def evaluate(self, expression: str) -> Any:
        told = await self.tell("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    async def open(self, address: str, size: tuple[int, int], *, dark: bool = False, scripts: bool = True) -> None:
        """Show what is at this address as a screen of this size would."""
        await self.tell("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1,
                        mobile=size == PHONE)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.tell("Emulation.setEmulatedMedia", features=[scheme])
        await self.tell("Emulation.setScriptExecutionDisabled", value=not scripts)
        await self.tell("Page.navigate", url=address)
        await self.until("document.readyState === 'complete'")

    async def until(self, expression: str) -> Any:
        """What the expression gives as soon as it gives something."""
        async with asyncio.timeout(ANSWER_S):
            while not (value := await self.evaluate(expression)):  # noqa: ASYNC110 (only asking tells)
                await asyncio.sleep(0.1)
        return value

    async def picture(self) -> bytes:
        """Of the whole page, as PNG."""
        told = await self.tell("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        return base64.b64decode(told["data"])


@asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """Raises NoBrowser where there is none."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        raise NoBrowser(f"none of {', '.join(NAMES)} is here (Debian: apt install chromium)")
    with tempfile.TemporaryDirectory(prefix="perps-indexer-e2e-", ignore_cleanup_errors=True) as folder:
        process = await asyncio.create_subprocess_exec(
            program, *_FLAGS, f"--user-data-dir={folder}", "about:blank",
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            async with _page(await _address(Path(folder))) as page:
                yield page
        finally:
            process.terminate()
            await process.wait()


async def _address(folder: Path) -> str:
    """Where the first page listens. The port is in a file as soon as there is one."""
    async with asyncio.timeout(ANSWER_S):
        while len(lines := _lines(folder / "DevToolsActivePort")) < 2:  # noqa: ASYNC110 (only asking tells)
            await asyncio.sleep(0.1)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"


def _lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


@asynccontextmanager
async def _page(address: str) -> AsyncIterator[Page]:
    async with websockets.connect(address, max_size=None, proxy=None) as link:
        whole = Page(link)
        listening = asyncio.create_task(whole.listen())
        targets = (await whole.tell("Target.getTargets"))["targetInfos"]
        target = next(one["targetId"] for one in targets if one["type"] == "page")
        listening.cancel()
    host = address.split("/devtools/")[0]
    async with websockets.connect(f"{host}/devtools/page/{target}", max_size=None, proxy=None) as link:
        page = Page(link)
        listening = asyncio.create_task(page.listen())
        for domain in ("Page", "Network", "Runtime", "Log"):
            await page.tell(f"{domain}.enable")
        yield page
        listening.cancel()
