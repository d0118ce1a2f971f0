"""Take credentials out of text that people will see: logs, errors, settings.

RPC vendors put the key into the URL, as userinfo, as a query value or as a path segment. What looks
like one of these becomes `***`; the host always stays, since it says which endpoint was meant.
"""

import re

HIDDEN = "***"

_URL = re.compile(r"\b[a-zA-Z][a-zA-Z0-9+.-]{1,20}://[^\s\"'<>]+")
# Up to the last @: a password that was not escaped may hold / and @, and must not show for that.
_USERINFO = re.compile(r"^(?P<scheme>[^:]+://)(?P<user>[^:@/?#]*)(?P<password>:.*)?@")
_SECRET_QUERY = r"[\w.-]*(?:api[-_]?key|apikey|access[-_]?key|token|secret|password|passwd|auth)[\w.-]*|key"  # noqa: S105 (names, no secret)
_QUERY = re.compile(rf"(?P<name>[?&;](?:{_SECRET_QUERY})=)[^&;#\s]*", re.IGNORECASE)
# 16 and more: the shortest keys seen in vendors' paths; words of a path are shorter or hyphenated.
# Behind the URL the punctuation of a sentence may follow.
_PATH_KEY = re.compile(r"(?<=/)(?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{16,}(?=[/?#]|[:;,.)\]}]*$)")
_KEYWORD = re.compile(
    r"(?P<name>\b(?:password|passwd|pgpassword|api[-_]?key|secret)\s*[=:]\s*)[^\s&,;]+", re.IGNORECASE
)


def redacted(text: str) -> str:
    """`text` with every credential in it replaced; text without one comes back unchanged."""
    return _KEYWORD.sub(rf"\g<name>{HIDDEN}", _URL.sub(lambda found: _redacted_url(found.group()), text))


def is_secret_name(name: str) -> bool:
    """Whether a field of this name holds a credential, whatever its value looks like."""
    return re.fullmatch(r"(?i)(.*_)?(password|passwd|secret|api_?key|access_?key)", name) is not None


def _redacted_url(url: str) -> str:
    url = _USERINFO.sub(_without_password, url)
    head, mark, query = url.partition("?")
    scheme, _, rest = head.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}{_PATH_KEY.sub(HIDDEN, slash + path)}" + _QUERY.sub(rf"\g<name>{HIDDEN}", mark + query)


def _without_password(found: re.Match[str]) -> str:
    if found["password"] is not None:
        return f"{found['scheme']}{found['user']}:{HIDDEN}@"
    # A lone name before a database's host is a user; before any other host it is a key.
    user = found["user"] if found["scheme"].lower().startswith("postgres") else HIDDEN
    return f"{found['scheme']}{user}@"
