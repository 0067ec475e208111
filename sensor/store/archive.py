"""The file of a backup: a zip of one file of rows for each table, the settings, and a manifest with what each of them has to be.

Whoever wrote it may mean harm. Nothing is unpacked to a disk, only parts that have the name of one are read, each as a stream, and
before anything is done with them all of them have to be as long as the manifest says, and to have its checksums.
"""

import fcntl
import hashlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sensor.errors import StoreError

MANIFEST = "manifest.json"
MOST_OCTETS = 128 << 20
"""Of a row, and of a file of settings."""
_PART = re.compile(r"tables/[a-z_]{1,60}\.jsonl|settings/(otoscope|site)\.toml")
_MOST_PARTS = 100
_MANIFEST_OCTETS = 1 << 20
_PORTION = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, struct.error, ArithmeticError, RuntimeError)
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")


class Part(BaseModel):
    """What a part has to be."""

    model_config = ConfigDict(frozen=True)

    octets: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    rows: int | None = Field(default=None, ge=0)


class Manifest(BaseModel):
    """What a backup is, and of what it consists.

    version: of the Otoscope that made it. revision: of its tables. made: when. database: "sqlite" or "postgresql".
    numbers: the last that was given to a row, by table.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal["otoscope.backup/1"] = "otoscope.backup/1"
    version: str = Field(max_length=100)
    revision: str = Field(max_length=100)
    made: str = Field(max_length=100)
    database: str = Field(max_length=100)
    numbers: dict[str, int] = {}
    parts: dict[str, Part] = Field(default={}, max_length=_MOST_PARTS)


class Writer:
    """Parts, one after the other."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.parts: dict[str, Part] = {}

    def add(self, name: str, lines: Iterator[bytes], *, rows: bool) -> int:
        """A part; how many rows it has, where its lines but for the first are rows."""
        digest, octets, number = hashlib.sha256(), 0, -1
        with self._archive.open(name, "w", force_zip64=True) as file:
            for line in lines:
                file.write(line)
                digest.update(line)
                octets += len(line)
                number += 1
        self.parts[name] = Part(octets=octets, sha256=digest.hexdigest(), rows=number if rows else None)
        return number

    def finish(self, manifest: Manifest) -> None:
        """The manifest; what has none is no backup."""
        self._archive.writestr(MANIFEST, manifest.model_dump_json(indent=2))


@contextmanager
def writing(target: Path, *, force: bool) -> Iterator[Writer]:
    """A file that is there when it is whole, else not. Raises StoreError."""
    temporary = target.with_name(f"{target.name}.new")
    try:
        with _exclusive(temporary) as file:
            try:
                _refuse_to_overwrite(target, force=force)
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                    yield Writer(archive)
                file.flush()
                os.fsync(file.fileno())
                _refuse_to_overwrite(target, force=force)
                temporary.replace(target)
                _keep_name(target.parent)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise StoreError(f"{target} cannot be written: {error.strerror}; nothing of it is left") from error


@contextmanager
def _exclusive(path: Path) -> Iterator[BinaryIO]:
    """A file that only this process writes, and only its owner reads; what a killed one has left of it is written over."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StoreError(f"{path}: another backup is being written to it") from error
        file.truncate(0)
        yield file


def _refuse_to_overwrite(target: Path, *, force: bool) -> None:
    if not force and os.path.lexists(target):
        raise StoreError(f"{target} exists already: give another name, or --force to write over it")


def _keep_name(directory: Path) -> None:
    """The name is on the disk as well as what it names."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Reader:
    """A backup that was found to be whole when it was opened."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest, where: Path) -> None:
        self._archive = archive
        self.manifest = manifest
        self._where = where

    def lines(self, name: str) -> Iterator[bytes]:
        """The lines of a part, none of them longer than a row may be."""
        with broken(self._where), self._archive.open(name) as member, io.BufferedReader(cast("io.RawIOBase", member), _PORTION) as file:
            while line := file.readline(MOST_OCTETS + 1):
                if len(line) > MOST_OCTETS:
                    raise StoreError(f"{self._where}: {name} has a row of more than {MOST_OCTETS >> 20} MB: no backup of Otoscope has")
                yield line

    def content(self, name: str) -> bytes:
        """All of a part that is no table."""
        with broken(self._where), self._archive.open(name) as member:
            return member.read(MOST_OCTETS)

    def check(self) -> None:
        """Hold every part against the manifest. Raises StoreError."""
        for name, part in self.manifest.parts.items():
            digest, octets = hashlib.sha256(), 0
            with broken(self._where), self._archive.open(name) as member:
                while octets <= part.octets and (portion := member.read(_PORTION)):
                    octets += len(portion)
                    digest.update(portion)
            if (octets, digest.hexdigest()) != (part.octets, part.sha256):
                raise StoreError(f"{self._where}: damaged: {name} is not what was written; take another backup")


@contextmanager
def reading(path: Path, room: int | None = None) -> Iterator[Reader]:
    """Open a backup. room: octets that it may take where it goes to.

    Raises StoreError where it is none, or damaged, or does not look like one that Otoscope made.
    """
    with ExitStack() as stack:
        with broken(path):
            file = stack.enter_context(path.open("rb"))
            _refuse_endless(file, path)
            archive = stack.enter_context(zipfile.ZipFile(file))
            manifest = _manifest(archive, path)
            _refuse_strange(archive.infolist(), manifest, path, room)
        reader = Reader(archive, manifest, path)
        reader.check()
        yield reader


@contextmanager
def broken(path: Path) -> Iterator[None]:
    """What a damaged file does to those who read it, as a StoreError."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
    except _BROKEN as error:
        raise StoreError(f"{path}: no backup of Otoscope, or a damaged one ({error}); take another") from error


def _refuse_endless(file: BinaryIO, path: Path) -> None:
    """The directory of a zip is read into memory: ours is small. Raises StoreError."""
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        raise StoreError(f"{path}: no file")
    octets = file.seek(0, os.SEEK_END)
    sizes = []
    if octets >= _END.size:
        file.seek(octets - _END.size)
        signature, *_, size, _start, comment = _END.unpack(file.read(_END.size))
        sizes = [size] if signature == b"PK\x05\x06" and not comment else []
    if sizes and octets >= _END.size + _LOCATOR.size + _END_64.size:
        file.seek(octets - _END.size - _LOCATOR.size - _END_64.size)
        large, locator = _END_64.unpack(file.read(_END_64.size)), file.read(4)
        sizes += [large[8]] if locator == b"PK\x06\x07" else []
    if not sizes or max(sizes) > _MANIFEST_OCTETS:
        raise StoreError(f"{path}: no backup of Otoscope, or one that was cut off; take another")


def _manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    try:
        info = archive.getinfo(MANIFEST)
    except KeyError as error:
        raise StoreError(f"{path}: no backup of Otoscope: it has no manifest") from error
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise StoreError(f"{path}: no backup of Otoscope: its manifest is written in another way")
    with archive.open(info) as file:
        text = file.read(_MANIFEST_OCTETS)
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        if first["loc"] == ("format",):
            raise StoreError(f"{path}: made by a newer Otoscope, or by no Otoscope: update this one") from error
        raise StoreError(f"{path}: no backup of Otoscope: its manifest: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _refuse_strange(infos: list[zipfile.ZipInfo], manifest: Manifest, path: Path, room: int | None) -> None:
    """Parts that the manifest does not know, others that it misses, and what would be far larger than the file."""
    names = sorted(info.filename for info in infos)
    if names != sorted((MANIFEST, *manifest.parts)):
        strange = next(iter(set(names) ^ {MANIFEST, *manifest.parts}), "a part twice")
        raise StoreError(f"{path}: no backup of Otoscope, or a damaged one: it has not the parts of its manifest ({strange[:100]!r})")
    for info in infos:
        usual = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) and not info.flag_bits & 1
        if info.filename != MANIFEST and not (_PART.fullmatch(info.filename) and usual):
            raise StoreError(f"{path}: no backup of Otoscope has a part like {info.filename[:100]!r}")
    sizes: Mapping[str, int] = {info.filename: info.file_size for info in infos}
    for name, part in manifest.parts.items():
        if sizes[name] != part.octets or (name.startswith("settings/") and part.octets > MOST_OCTETS):
            raise StoreError(f"{path}: damaged: {name} has not the length of its manifest; take another backup")
    if room is not None and (octets := sum(sizes.values())) > room:
        raise StoreError(f"{path}: restored it would take {octets / 1e6:,.0f} MB, and the disk has room for {room / 1e6:,.0f} MB")
