"""What every answer of the console is protected by: headers, a limit of what it reads, and no forms from other sites."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024
_POLICY = (
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; img-src 'self' data:; "
    "script-src 'self'; style-src 'self'; connect-src 'self'"
)
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_YEAR = 31_536_000
_SAFE = {"GET", "HEAD", "OPTIONS"}


class Protection:
    """Around the whole application. secure: it is reached over TLS only."""

    def __init__(self, application: ASGIApp, *, secure: bool) -> None:
        self._application = application
        self._headers = _HEADERS | ({"strict-transport-security": f"max-age={_YEAR}"} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        headers = Headers(scope=scope)

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    answer[name] = value
                if "cache-control" not in answer:
                    answer["cache-control"] = "no-store"
            await send(message)

        refusal = _refusal(scope["method"], headers)
        if refusal:
            await PlainTextResponse(refusal[1], refusal[0])(scope, receive, protected)
            return
        await self._application(scope, _bounded(receive), protected)


def _refusal(method: str, headers: Headers) -> tuple[int, str] | None:
    """Status and text, where a request is not even looked at."""
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit() and len(length) < 10) or int(length) > LARGEST_BODY:
        return 413, "Too much at once.\n"
    if method in _SAFE:
        return None
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin", "none") or (origin is not None and _host_of(origin) != headers.get("host")):
        return 403, "Forms of other sites are not obeyed.\n"
    return None


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def _bounded(receive: Receive) -> Receive:
    """No more of the body than is allowed, also where its length was not told."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        return message if read <= LARGEST_BODY else {"type": "http.disconnect"}

    return bounded
