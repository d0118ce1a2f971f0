"""Accounts: images of what programs keep, and the one way from images to records.

`observe` is pure: the same images, times and reference rows give the same records. A row from an account has the
account's key as its signature, index 0, and the slot of the bank it was read from; it stands outside coverage and is
never made again. A price or a value that says itself how old it is gives a row only while it is fresh, since a row
speaks of its block's time. What cannot be decoded becomes a Failure with its bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from indexer.core import base58
from indexer.core.layout import Layout, Undecodable
from indexer.core.payload import DISCRIMINATOR_BYTES
from indexer.core.protocol import Processed
from indexer.core.record import Failure, FailureReason, Origin
from indexer.core.reference import Market, Reference, Token
from indexer.core.spl import TOKEN_PROGRAMS, Mint, TokenAccount, decode_spl

AHEAD_S = 60  # Clocks of programs and of blocks differ by seconds; an age below this one is none.
_Spl = TypeVar("_Spl", Mint, TokenAccount)


class Image(msgspec.Struct, frozen=True):
    """An account as a node had it at the end of `slot`."""

    key: bytes
    owner: bytes  # The program it belongs to.
    slot: int
    data: bytes


class Account(msgspec.Struct, frozen=True):
    """A decoded image. `kind`: its name in the IDL, or `Mint` and `TokenAccount` of the token programs."""

    kind: str
    fields: Any
    image: Image


class Listing(msgspec.Struct, frozen=True):
    """All accounts of one kind of a program. `size` None: of any length."""

    program: bytes
    discriminator: bytes
    size: int | None = None


class Scene(msgspec.Struct, frozen=True):
    """The accounts of one protocol, as read at about the same time."""

    protocol: str
    accounts: Mapping[bytes, Account]  # By key.
    times: Mapping[int, int]  # Slot -> Unix seconds.
    reference: Reference

    def of(self, kind: str) -> Iterator[Account]:
        """In the order of their keys."""
        return (self.accounts[key] for key in sorted(self.accounts) if self.accounts[key].kind == kind)

    def spl(self, key: bytes, kind: type[_Spl]) -> _Spl | None:
        """A mint or a token account; None: it was not there, or is something else."""
        account = self.accounts.get(key)
        return account.fields if account is not None and isinstance(account.fields, kind) else None

    def origin(self, account: Account) -> Origin:
        return _origin(self.protocol, account.image, self.times, account.kind)

    def is_fresh(self, account: Account, told_at: int, most_s: int) -> bool:
        """Whether what the account told at `told_at`, Unix seconds, is at most so old at its block's time."""
        time = self.times.get(account.image.slot)
        return time is not None and -AHEAD_S <= time - told_at <= most_s


class Observing:
    """What a protocol reads of accounts.

    `listings` and `roots` say what is asked for first; `named` which further accounts an account names. `observe`
    yields records, `refer` reference rows. Like the rules of events they may not raise, whatever the bytes.
    """

    def __init__(
        self,
        name: str,
        layouts: Mapping[bytes, Mapping[bytes, Layout]],  # By program, then discriminator.
        *,
        listings: Sequence[Listing] = (),
        roots: Sequence[bytes] = (),
        named: Callable[[Account], Iterable[bytes]],
        observe: Callable[[Scene], Iterable[Any]],
        refer: Callable[[Scene], Iterable[Market | Token]],
    ) -> None:
        self.name = name
        self.listings, self.roots = tuple(listings), tuple(roots)
        self.named, self.refer = named, refer
        self.programs = tuple(layouts)
        self._layouts, self._observe = layouts, observe

    def scene(self, images: Iterable[Image], times: Mapping[int, int], reference: Reference) -> Scene:
        """The images that can be read, decoded."""
        accounts = (self.decoded(image) for image in images)
        return Scene(self.name, {a.image.key: a for a in accounts if isinstance(a, Account)}, times, reference)

    def decoded(self, image: Image) -> Account | Undecodable | None:
        """None: nothing is there that we read, the account of another program or of a kind without a layout."""
        if image.owner in TOKEN_PROGRAMS:
            spl = decode_spl(image.data)
            return None if spl is None else Account(type(spl).__name__, spl, image)
        layout = self._layouts.get(image.owner, {}).get(image.data[:DISCRIMINATOR_BYTES])
        if layout is None:
            return None
        try:
            return Account(layout.name, layout.decode(image.data), image)
        except Undecodable as error:
            return error

    def observed(self, images: Sequence[Image], times: Mapping[int, int], reference: Reference) -> Processed:
        """Records and failures of images. Pure; never raises on data."""
        result = Processed(records=list(self._observe(self.scene(images, times, reference))))
        for image in images:
            if isinstance(error := self.decoded(image), Undecodable):
                result.failures.append(_failure(self.name, image, times, error.reason, error.detail))
        return result


def text_of(name: Any) -> str | None:
    """A name that an account keeps in a field of fixed length, padded by zeros or spaces; None: it is none."""
    try:
        text = bytes(name).rstrip(b"\0").decode().strip()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() and text else None


def _origin(protocol: str, image: Image, times: Mapping[int, int], kind: str | None) -> Origin:
    return Origin(
        protocol=protocol,
        program_id=image.owner,
        slot=image.slot,
        signature=image.key,
        channel="account",
        index=0,
        block_time=times.get(image.slot),
        event=kind,
    )


def _failure(protocol: str, image: Image, times: Mapping[int, int], reason: FailureReason, detail: str) -> Failure:
    return Failure(
        origin=_origin(protocol, image, times, None),
        reason=reason,
        discriminator=image.data[:DISCRIMINATOR_BYTES],
        payload=image.data,
        detail=f"account {base58.encode(image.key)}: {detail}",
    )
