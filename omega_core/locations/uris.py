"""The canonical form of a URI, and the rule that says which URIs may be touched.

A URI here is ``scheme://authority/segment/segment``. The path is percent-decoded as UTF-8, so
``%20`` is a space and a percent sign is written ``%25``; spaces and letters such as ``ü`` may be
written as they are. The canonical form encodes everything but letters, digits and
``-._~!$&'()*+,;=:@``, which makes two spellings of one place equal as strings. What could mean
two places to two readers is refused: ``.`` and ``..``, empty segments, encoded or literal
backslashes, encoded slashes, control characters, queries, fragments, user names and passwords.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from ..errors import ConfigError, UriNotAllowedError

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_AUTHORITY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
# Slashes, control characters, and the surrogates that stand for bytes which are not UTF-8.
_UNSPELT = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PCHAR = "~!$&'()*+,;=:@"


class Uri(NamedTuple):
    """A parsed URI; equal places compare equal."""

    scheme: str
    authority: str
    segments: tuple[str, ...]
    """The decoded segments of the path, without empty ones."""
    directory: bool
    """Whether the path ends in a slash."""

    @property
    def path(self) -> str:
        """The decoded path, with its leading slash."""
        return "/" + "/".join(self.segments) + ("/" if self.directory and self.segments else "")

    def __str__(self) -> str:
        encoded = quote(self.path, safe=_PCHAR + "/")
        return f"{self.scheme}://{self.authority}{encoded}"

    def lies_under(self, root: Uri) -> bool:
        """Return whether this is ``root`` or below it, at the boundary of a segment."""
        return (
            self.scheme == root.scheme
            and self.authority == root.authority
            and self.segments[: len(root.segments)] == root.segments
        )


def parse_uri(text: str) -> Uri:
    """Return the parts of ``text``, decoded and checked.

    Raises
    ------
    UriNotAllowedError
        When it is not a URI, or one that could be read in two ways. The message repeats
        neither a query nor anything that may be a password.
    """
    if not isinstance(text, str):
        raise UriNotAllowedError(f"a URI is a str, not {type(text).__name__}")
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or not _SCHEME.fullmatch(scheme):
        raise UriNotAllowedError(
            "not a URI: it must begin with a scheme, as in 's3://bucket/key' or 'file:///data/x'"
        )
    authority, slash, path = rest.partition("/")
    # Whatever stands before the path may be a password, so these errors repeat none of it.
    if "@" in authority:
        raise UriNotAllowedError(
            f"a {scheme} URI carries a user name or password; credentials belong into the "
            f"settings of the plugin, never into a URI"
        )
    if scheme == "file":
        if authority not in ("", "localhost"):
            raise UriNotAllowedError(
                "a file URI needs an absolute path on this machine, as in 'file:///data/x' "
                "(three slashes)"
            )
        authority = ""
        if not slash:
            raise UriNotAllowedError("a file URI needs an absolute path, as in 'file:///data/x'")
    elif not _AUTHORITY.fullmatch(authority):
        raise UriNotAllowedError(
            f"a {scheme} URI needs a bucket or host of letters, digits, '.', '_' and '-' after "
            f"'{scheme}://', as in '{scheme}://bucket/key'"
        )
    shown = f"{scheme}://{authority}/{re.split('[?#]', path)[0]}"
    return Uri(scheme, authority, _segments(path, shown), path.endswith("/") or not path)


def _segments(path: str, shown: str) -> tuple[str, ...]:
    for char, meaning, code in (("?", "query", "%3F"), ("#", "fragment", "%23")):
        if char in path:
            raise UriNotAllowedError(
                f"{shown!r} is followed by a {meaning}, which would be ignored; "
                f"for a {char!r} in the name write {code}"
            )
    if _STRAY_PERCENT.search(path):
        raise UriNotAllowedError(f"{shown!r}: for a '%' in the name write %25")
    pieces = path.split("/")
    if pieces[-1] == "":
        pieces.pop()
    segments = []
    for piece in pieces:
        try:
            segment = unquote_to_bytes(piece).decode("utf-8")
        except UnicodeError:
            raise UriNotAllowedError(f"{shown!r}: a name in it is not UTF-8") from None
        if segment in ("", ".", ".."):
            raise UriNotAllowedError(
                f"{shown!r} has an empty, '.' or '..' segment; write the path out"
            )
        if _UNSPELT.search(segment):
            raise UriNotAllowedError(
                f"{shown!r} has a slash, a backslash or a control character inside a name"
            )
        segments.append(segment)
    return tuple(segments)


def can_spell(segments: Iterable[str]) -> bool:
    """Return whether a URI can name this path."""
    return not any(name in ("", ".", "..") or _UNSPELT.search(name) for name in segments)


def parse_allowed(entries: Iterable[str]) -> tuple[Uri, ...]:
    """Return the roots of ``[uris] allow``, or raise `ConfigError` for one that is no URI."""
    if isinstance(entries, str):
        raise ConfigError("[uris] allow: expected a list of URIs, got one string")
    roots = []
    for number, entry in enumerate(entries, 1):
        try:
            roots.append(parse_uri(entry))
        except UriNotAllowedError as exc:
            raise ConfigError(f"[uris] allow, entry {number}: {exc}") from None
    return tuple(roots)


def require_allowed(uri: Uri, roots: Iterable[Uri], *, place: Uri | None = None) -> None:
    """Raise `UriNotAllowedError` unless ``uri`` lies under one of ``roots``.

    Parameters
    ----------
    place
        What to advise to permit, where the next URI of this kind will be another one.
    """
    roots = tuple(roots)
    if any(uri.lies_under(root) for root in roots):
        return
    known = ", ".join(map(str, roots)) or "nothing"
    raise UriNotAllowedError(
        f"{uri} is not allowed: [uris] allow permits {known}. To permit it, write in omega.toml:\n"
        f"{advice(place or narrowest(uri), roots)}"
    )


def narrowest(uri: Uri) -> Uri:
    """Return the directory of a file; the file itself, where that is a whole bucket or disk."""
    parent = uri._replace(segments=uri.segments[:-1], directory=True)
    return uri if uri.directory or not parent.segments else parent


def advice(place: Uri, roots: Iterable[Uri]) -> str:
    """Return the section that permits ``place``, and all that is permitted already."""
    entries = ", ".join(f'"{root}"' for root in (*roots, place))
    return f"[uris]\nallow = [{entries}]"
